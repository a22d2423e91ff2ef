package imports

import (
	"net/url"
	"strings"
)

// readChannels2 reads the channels of AsyncAPI 2: each is the key of what we
// may do on it.
func (a *asyncAPI) readChannels2() {
	for address, stated := range a.root.get("channels").fields() {
		channel, _ := stated.followed()
		if strings.HasPrefix(address, "x-") {
			continue
		}
		for _, verb := range []string{"publish", "subscribe"} {
			operation := channel.get(verb)
			if !operation.exists() {
				continue
			}
			use := channelUse{operation: verb + " " + address, verb: verb, address: address,
				servers: channel.get("servers").texts(), security: operation.get("security")}
			a.addMessage(&use, operation.get("message"), "")
			a.uses = append(a.uses, use)
		}
	}
}

// opposite is what we do when the described application does something.
var opposite = map[string]string{"send": "subscribe", "receive": "publish"} //nolint:gochecknoglobals // a constant table

// readOperations3 reads the operations of AsyncAPI 3, with their replies.
func (a *asyncAPI) readOperations3() {
	for name, stated := range a.root.get("operations").fields() {
		at := stated.at()
		operation, _ := stated.followed()
		if strings.HasPrefix(name, "x-") || !operation.isMapping() {
			continue
		}
		action := operation.get("action").text()
		verb := opposite[action]
		if verb == "" {
			a.tell(at+"/action", "the action %s is neither send nor receive; the operation was left out", quoted(action))
			continue
		}
		a.addUse(name, verb, operation, operation.get("security"), at)
		if reply, _ := operation.get("reply").followed(); reply.get("channel").exists() {
			back := map[string]string{"publish": "subscribe", "subscribe": "publish"}[verb]
			a.addUse(name+" (reply)", back, reply, place{of: a.description}, at+"/reply")
		}
	}
}

// addUse adds what an operation of AsyncAPI 3, or its reply, lets us do.
func (a *asyncAPI) addUse(name, verb string, operation, security place, at string) {
	channel, id := operation.get("channel").followed()
	if !channel.isMapping() {
		a.tell(at+"/channel", "the operation names no channel; it was left out")
		return
	}
	use := channelUse{operation: name, verb: verb, address: channel.get("address").text(), security: security}
	if use.address == "" {
		a.tell(at+"/channel", "the address of channel %s is known at run time only; its name was taken", quoted(id))
		use.address = id
	}
	for _, server := range channel.get("servers").items() {
		reference := server.get("$ref").text()
		step := reference[strings.LastIndexByte(reference, '/')+1:]
		if plain, err := url.PathUnescape(step); err == nil {
			step = plain
		}
		use.servers = append(use.servers, strings.NewReplacer("~1", "/", "~0", "~").Replace(step))
	}
	if messages := operation.get("messages"); messages.exists() {
		for _, message := range messages.items() {
			a.addMessage(&use, message, "")
		}
	} else {
		for key, message := range channel.get("messages").fields() {
			a.addMessage(&use, message, key)
		}
	}
	a.uses = append(a.uses, use)
}

// addMessage adds the name and the format of a message, or of each one of
// several. key is its name where it stands.
func (a *asyncAPI) addMessage(use *channelUse, stated place, key string) {
	message, name := stated.followed()
	if !message.isMapping() {
		return
	}
	if several := message.get("oneOf"); several.exists() {
		for _, one := range several.items() {
			if inner, _ := one.followed(); !inner.get("oneOf").exists() { // they do not nest
				a.addMessage(use, one, "")
			}
		}
		return
	}
	for _, candidate := range []string{message.get("name").text(), name, key, message.get("title").text()} {
		if candidate != "" {
			use.messages = append(use.messages, candidate)
			break
		}
	}
	contentType := message.get("contentType").text()
	if contentType == "" {
		contentType = a.root.get("defaultContentType").text()
	}
	if contentType != "" {
		use.formats = append(use.formats, formatOf(contentType))
	}
}
