package inventory

import (
	"fmt"
	"slices"
	"time"
)

// builder makes the model of the files' nodes and checks what the schema
// cannot say. What the schema refused it leaves out without a word.
type builder struct {
	now       time.Time
	inventory *Inventory
	problems  Problems
	refused   map[*node]bool // values that the schema refused

	systemsByID map[string]*System // a nil one has an id that was refused
	systemIDs   []string
	moreSystems bool // a mistake hides systems, so an unknown one is no news
	vendorsByID map[string]*Vendor
}

func newBuilder(now time.Time) *builder {
	return &builder{
		now:         now,
		inventory:   &Inventory{Version: 1, Systems: []*System{}, Vendors: []*Vendor{}},
		refused:     map[*node]bool{},
		systemsByID: map[string]*System{},
		vendorsByID: map[string]*Vendor{},
	}
}

// object is a mapping that is read into the model.
type object struct {
	*builder
	source *source
	node   *node
}

// report adds a problem at a value.
func (o object) report(n *node, code, message, hint string) {
	o.problems = append(o.problems, o.source.at(n, code, message, hint))
}

// warn adds a warning at a value.
func (o object) warn(n *node, code, message, hint string) {
	p := o.source.at(n, code, message, hint)
	p.Warning = true
	o.problems = append(o.problems, p)
}

// object returns the mapping under a key; an empty one when there is none.
func (o object) object(key string) object {
	n := o.node.get(key)
	if n == nil || n.shape != shapeMapping {
		n = &node{shape: shapeMapping}
	}
	return object{o.builder, o.source, n}
}

// value returns the value of a key that has the shape and that the schema
// let pass, or nil.
func (o object) value(key string, want shape) *node {
	n := o.node.get(key)
	if n == nil || n.shape != want || n.reported || o.refused[n] {
		return nil
	}
	return n
}

// text returns the text under a key, empty when there is none.
func (o object) text(key string) string {
	if n := o.value(key, shapeText); n != nil {
		return n.text
	}
	return ""
}

// checked returns the text under a key after a check; a text that the check
// refuses is reported and left out.
func (o object) checked(key string, check func(string) *wrong) string {
	n := o.value(key, shapeText)
	if n == nil {
		return ""
	}
	if w := check(n.text); w != nil {
		o.report(n, w.code, w.message, w.hint)
		return ""
	}
	return n.text
}

// texts returns the list of texts under a key, nil when there is none.
func (o object) texts(key string) []string {
	n := o.value(key, shapeList)
	if n == nil || len(n.items) == 0 {
		return nil
	}
	texts := make([]string, 0, len(n.items))
	for _, item := range n.items {
		texts = append(texts, item.text)
	}
	return texts
}

// list returns the mappings of the list under a key.
func (o object) list(key string) []object {
	var items []object
	if n := o.value(key, shapeList); n != nil {
		for _, item := range n.items {
			if item.shape == shapeMapping {
				items = append(items, object{o.builder, o.source, item})
			}
		}
	}
	return items
}

// labels returns the labels of an object, nil when there are none.
func (o object) labels() map[string]string {
	n := o.value("labels", shapeMapping)
	if n == nil || len(n.fields) == 0 {
		return nil
	}
	labels := make(map[string]string, len(n.fields))
	for _, f := range n.fields {
		labels[f.key.text] = f.value.text
	}
	return labels
}

// date returns the date under a key, zero when there is none.
func (o object) date(key string) Date {
	d, err := ParseDate(o.checked(key, checkDate))
	if err != nil {
		return Date{} // not stated, or reported
	}
	return d
}

// secret returns the secret under a key. The reference is checked, not
// followed.
func (o object) secret(key string) Secret {
	return NewSecret(o.checked(key, checkReference), o.source.dir)
}

// checkReference explains what is wrong with a reference.
func checkReference(text string) *wrong {
	switch {
	case text == "file:":
		return &wrong{"bad-reference", "the reference names no file", "such as file:token.txt"}
	case hasBrokenReference(text):
		return &wrong{"bad-reference", "malformed reference", "a reference is written ${NAME}; write $${ for a plain ${"}
	}
	return nil
}

// position returns where the object's id stands, or the object itself.
func (o object) position() Position {
	n := o.node
	if id := n.get("id"); id != nil {
		n = id
	}
	return o.source.pos(n.line, n.column)
}

// systems reads our own systems of one file.
func (b *builder) systems(s *source, root *node) {
	if root == nil || root.get("systems") != nil && root.get("systems").shape != shapeList {
		b.moreSystems = true
		return
	}
	for _, f := range root.fields {
		if f.key.text != "systems" && Nearest(f.key.text, schemaTree().names()) == "systems" {
			b.moreSystems = true
		}
	}
	for _, o := range (object{b, s, root}).list("systems") {
		system := &System{ID: o.text("id"), Name: o.text("name"), Owner: o.text("owner"), Labels: o.labels(), Pos: o.position()}
		if system.ID == "" { // reported
			if id := o.node.get("id"); id != nil {
				b.systemsByID[id.text] = nil
			}
			continue
		}
		if first := b.systemsByID[system.ID]; first != nil {
			o.duplicateID("system", system.ID, first.Pos)
			continue
		}
		b.systemsByID[system.ID] = system
		b.systemIDs = append(b.systemIDs, system.ID)
		b.inventory.Systems = append(b.inventory.Systems, system)
	}
}

// duplicateID reports an id that another object already has.
func (o object) duplicateID(what, id string, first Position) {
	o.report(o.node.get("id"), "duplicate-id",
		fmt.Sprintf("%s id %s is already used at %s:%d", what, quote(id), first.File, first.Line), "ids of a "+what+" are unique")
}

// vendors reads the vendors of one file. All systems are known by then.
func (b *builder) vendors(s *source, root *node) {
	for _, o := range (object{b, s, root}).list("vendors") {
		vendor := &Vendor{
			ID: o.text("id"), Name: o.text("name"), Criticality: Criticality(o.text("criticality")),
			Contacts: o.texts("contacts"), ReviewBy: o.date("review_by"), Labels: o.labels(), Pos: o.position(),
		}
		if vendor.Name == "" {
			vendor.Name = vendor.ID
		}
		if vendor.ReviewBy.Before(b.now) && !b.now.IsZero() {
			o.warn(o.node.get("review_by"), "review-overdue", "the review was due on "+vendor.ReviewBy.String(),
				"review the vendor and set the next date")
		}
		for _, a := range o.list("attestations") {
			vendor.Attestations = append(vendor.Attestations, a.attestation())
		}
		ids := map[string]*Link{}
		for _, list := range linkLists {
			for _, l := range o.list(list.key) {
				link := l.link(vendor, list.kind)
				if first, taken := ids[link.ID]; taken && link.ID != "" {
					l.duplicateID("link", link.ID, first.Pos)
				}
				ids[link.ID] = link
				vendor.Links = append(vendor.Links, link)
			}
		}
		if first, taken := b.vendorsByID[vendor.ID]; taken && vendor.ID != "" {
			o.duplicateID("vendor", vendor.ID, first.Pos)
		} else {
			b.vendorsByID[vendor.ID] = vendor
		}
		b.inventory.Vendors = append(b.inventory.Vendors, vendor)
	}
}

// attestation reads one attestation.
func (o object) attestation() Attestation {
	a := Attestation{
		Control: Control(o.text("control")), Basis: Basis(o.text("basis")), Evidence: o.checked("evidence", checkEvidence),
		Collected: o.date("collected"), Expires: o.date("expires"), Pos: o.source.pos(o.node.line, o.node.column),
	}
	if n := o.value("claim", shapeBoolean); n != nil {
		a.Claim = n.text == "true"
	}
	expires := o.node.get("expires")
	switch {
	case expires == nil && a.Basis != "" && a.Basis != BasisSelf:
		o.problems = append(o.problems, o.source.atStart(o.node, "missing-key",
			"an attestation that rests on "+string(a.Basis)+` lacks the key "expires"`, "such as expires: 2027-02-28"))
	case !a.Expires.IsZero() && a.Expires.Time.Before(a.Collected.Time):
		o.report(expires, "date-order", "the evidence expires before it was collected", "")
	case a.Expires.Before(o.now) && !o.now.IsZero():
		o.warn(expires, "attestation-expired", "the evidence expired on "+a.Expires.String(), "ask the vendor for new evidence")
	}
	return a
}

// checkEvidence explains what is wrong with a reference to evidence.
func checkEvidence(text string) *wrong {
	if len(urlSecrets(text, "")) > 0 {
		return &wrong{"secret-in-url", "the link to the evidence holds a credential", "leave it out: evidence is never fetched"}
	}
	return nil
}

// wholeInventory checks what only all files together can tell.
func (b *builder) wholeInventory(sources []*source) {
	hasLink := slices.ContainsFunc(b.inventory.Vendors, func(v *Vendor) bool { return len(v.Links) > 0 })
	if hasLink || b.problems.Errors() > 0 {
		return
	}
	b.problems = append(b.problems, Problem{Pos: sources[0].pos(1, 1), Code: "no-links", Warning: true,
		Message: "the inventory holds no link: there is nothing to scan", Hint: "add endpoints, brokers or webhooks to a vendor"})
}
