package amqp

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// rights finds out at level active what the user of a session may do. AMQP has
// no way to ask. But brokers look at a user's rights before they look whether
// there is what a name stands for, so that a name which nobody has given tells
// them apart without touching anything: 403 is a denial, 404 is not (RabbitMQ,
// "Access Control"; a passive declare would tell nothing, as it takes no right).
// Who may read or write under a made-up name has a right to every name.
func (v *visit) rights(c *channel.Conn, prefix string, to *channel.Rights) {
	v.Absent(prefix+"admin", "AMQP does not show who may administer")
	if !v.Visit.Level().Allows(checks.Active) {
		for _, right := range []string{"subscribe_all", "publish", "proof"} {
			v.Visit.UnknownReason(prefix+right, checks.ReasonNotAsked, "asked for with --level active")
		}
		return
	}
	name := "m2mscan." + rand.Text()
	for i, q := range []struct {
		fact string
		to   **bool
		ask  func(channel uint16, name string) []byte
	}{
		{"subscribe_all", &to.SubscribeAll, get},
		{"publish", &to.Publish, publish},
	} {
		may, err := permitted(c, uint16(i+1), q.ask(uint16(i+1), name))
		if err != nil {
			v.Visit.Unknown(prefix+q.fact, err)
			continue
		}
		*q.to = &may
		v.Visit.Evidence("amqp", prefix+q.fact+", of a name that does not exist: "+map[bool]string{true: "404, not 403", false: "403"}[may])
	}
	if to.SubscribeAll == nil && to.Publish == nil {
		v.Visit.UnknownReason(prefix+"proof", checks.ReasonAmbiguous, "no right could be learned")
		return
	}
	to.Proof = new("denial")
}

// get asks for a message of a queue.
func get(channel uint16, queue string) []byte {
	return basicGet.encode(channel, number(0), short(queue), []byte{0})
}

// publish sends an empty message to an exchange.
func publish(channel uint16, exchange string) []byte {
	message := basicPublish.encode(channel, number(0), short(exchange), short(""), []byte{0})
	header := binary.BigEndian.AppendUint16(nil, uint16(basicPublish>>16))
	header = append(header, make([]byte, 2+8+2)...) // weight, size of the body, no properties
	return append(message, frame(frameHeader, channel, header)...)
}

// permitted opens a channel, asks, and reports whether the answer is that there
// is nothing of the name, and not that it is refused. The channel is closed
// behind the question, so that a broker which does not answer it answers that.
func permitted(c *channel.Conn, number uint16, ask []byte) (bool, error) {
	if err := c.Send(channelOpen.encode(number, short(""))); err != nil {
		return false, err
	}
	answer, err := readCall(c)
	if err != nil {
		return false, err
	}
	if answer.method != channelOpenOK {
		return false, checks.Because(checks.ReasonAmbiguous, "no channel is opened")
	}
	if err := c.Send(append(ask, closeChannel(number)...)); err != nil {
		return false, err
	}
	for range framesMax {
		answer, err := readCall(c)
		if err != nil {
			return false, err
		}
		switch answer.method {
		case channelClose:
			return judge(c, number, answer)
		case channelCloseOK:
			return false, checks.Because(checks.ReasonAmbiguous, "neither refused nor not found")
		default: // such as an answer to who reads
		}
	}
	return false, checks.Because(checks.ReasonGarbage, "the channel is not closed")
}

func closeChannel(n uint16) []byte {
	const success = 200
	return channelClose.encode(n, number(success), short("bye"), number(0), number(0))
}

// judge reads why a broker closed a channel, and agrees. What it answers to our
// own closing of it is read, too.
func judge(c *channel.Conn, number uint16, answer call) (bool, error) {
	why, err := parseClosing(answer.args)
	if err != nil {
		return false, err
	}
	if err := c.Send(channelCloseOK.encode(number)); err != nil {
		return false, err
	}
	if answer, err = readCall(c); err != nil {
		return false, err
	}
	switch {
	case answer.method != channelCloseOK:
		return false, checks.Because(checks.ReasonAmbiguous, "the closing of a channel is not answered")
	case why.code == accessRefused:
		return false, nil
	case why.code == notFound:
		return true, nil
	default:
		return false, checks.Because(checks.ReasonAmbiguous, "answered with %d %s", why.code, why.text)
	}
}
