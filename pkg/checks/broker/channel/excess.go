package channel

import "strings"

// Excess lists the rights that a client has and the inventory does not grant:
// "subscribe:*", "publish:*", "admin". Permissions are those of the inventory,
// ACTION:WHAT; one that is a wildcard as a whole grants everything. The result
// is empty, not nil, when there are none, and nil when no right is known or no
// permission is declared: then there is nothing to compare.
func Excess(permissions []string, held Rights) []string {
	if len(permissions) == 0 || held.SubscribeAll == nil && held.Publish == nil && held.Admin == nil {
		return nil
	}
	granted := grants(permissions)
	excess := []string{}
	for _, right := range []struct {
		name, as string
		held     *bool
	}{
		{"admin", "admin", held.Admin},
		{"publish", "publish:*", held.Publish},
		{"subscribe", "subscribe:*", held.SubscribeAll},
	} {
		if right.held != nil && *right.held && !granted[right.name] {
			excess = append(excess, right.as)
		}
	}
	return excess
}

// actions are the words of permissions for each right.
//
//nolint:gochecknoglobals // a table
var actions = map[string]string{
	"subscribe": "subscribe", "read": "subscribe", "consume": "subscribe", "get": "subscribe",
	"publish": "publish", "write": "publish", "produce": "publish", "set": "publish",
	"admin": "admin", "configure": "admin", "manage": "admin",
}

// grants are the rights that permissions grant as a whole.
func grants(permissions []string) map[string]bool {
	granted := map[string]bool{}
	for _, p := range permissions {
		action, what, _ := strings.Cut(strings.ToLower(p), ":")
		right := actions[action]
		switch {
		case action == "*":
			granted["subscribe"], granted["publish"], granted["admin"] = true, true, true
		case right == "admin", what == "*", what == "#", what == ">", what == "":
			granted[right] = true
		}
	}
	return granted
}

// CompareRights holds the rights of the link's own login against the declared
// permissions.
func (s *Survey) CompareRights() {
	s.Facts.ExcessRights = Excess(s.Visit.Link().Permissions, s.Facts.DeclaredRights)
	if s.Facts.ExcessRights == nil {
		s.Absent("excess_rights", "no rights, or no permissions, to compare")
	}
}
