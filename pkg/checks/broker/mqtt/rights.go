package mqtt

import (
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// statusTopic is what brokers publish their name and version to, retained. To
// read it is what a client without rights is most often denied.
const statusTopic = "$SYS/broker/version"

// Packet identifiers of what is sent in a session.
const (
	idSubscribe   = 1
	idUnsubscribe = 2
	idPublish     = 3
)

const (
	// deliveryWait is how long a retained message may take to come.
	deliveryWait = 2 * time.Second
	// packetsMax is how many packets are read for one answer.
	packetsMax = 32
)

// rights finds out what the client of a session may do: at level active, by
// one subscription to the status topic and one empty message. prefix is how
// the names of its facts begin.
func (v *visit) rights(c *channel.Conn, prefix string, to *channel.Rights) {
	if !v.Visit.Level().Allows(checks.Active) {
		for _, fact := range []string{"subscribe_all", "publish", "proof"} {
			v.Visit.UnknownReason(prefix+fact, checks.ReasonNotTested, "a subscription shows it, which takes level active")
		}
		return
	}
	var proofs []string
	may, proof, err := v.subscribe(c)
	if err != nil {
		v.Visit.Unknown(prefix+"subscribe_all", err)
	} else {
		to.SubscribeAll, proofs = &may, append(proofs, proof)
	}
	may, err = v.publish(c)
	if err != nil {
		v.Visit.Unknown(prefix+"publish", err)
	} else {
		to.Publish = &may
		if len(proofs) == 0 {
			proofs = append(proofs, map[bool]string{true: "delivery", false: "denial"}[may])
		}
	}
	if len(proofs) == 0 {
		v.Visit.UnknownReason(prefix+"proof", checks.ReasonAmbiguous, "no right could be shown")
		return
	}
	to.Proof = &proofs[0]
}

// subscribe asks for the status topic, and reports whether it was delivered or
// denied. Neither means that nobody knows.
func (v *visit) subscribe(c *channel.Conn) (may bool, proof string, err error) {
	if err := c.Send(subscribe(v.level, idSubscribe, statusTopic)); err != nil {
		return false, "", err
	}
	_ = c.SetReadDeadline(time.Now().Add(deliveryWait))
	for range packetsMax {
		p, err := readPacket(c)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			_ = c.Send(unsubscribe(v.level, idUnsubscribe, statusTopic))
			return false, "", checks.Because(checks.ReasonAmbiguous, "the subscription was granted, which proves nothing, and nothing was delivered")
		case err != nil:
			return false, "", err
		case p.kind == typeSubAck:
			code, err := reason(p, v.level, idSubscribe)
			if err != nil {
				return false, "", err
			}
			if code >= 0x80 {
				v.Visit.Evidence("mqtt", "SUBACK: the subscription to "+statusTopic+" is denied")
				return false, "denial", nil
			}
		case p.kind == typePublish:
			topic, payload, err := delivery(p, v.level)
			if err != nil {
				return false, "", err
			}
			if topic != statusTopic {
				continue // of an earlier session, which there is none of; not looked at
			}
			v.name(string(payload))
			v.Visit.Evidence("mqtt", statusTopic+" was delivered")
			_ = c.Send(unsubscribe(v.level, idUnsubscribe, statusTopic))
			return true, "delivery", nil
		case p.kind == typeDisconnect:
			return false, "", checks.Because(checks.ReasonAmbiguous, "the broker ends the session at a subscription")
		}
	}
	return false, "", errGarbage
}

// name reads the product and version of the status topic: "mosquitto version
// 2.0.11", or of others a version alone.
func (v *visit) name(status string) {
	fields := strings.Fields(status)
	if len(fields) == 0 || len(status) > 100 {
		return
	}
	version := fields[len(fields)-1]
	if !strings.Contains(version, ".") {
		return
	}
	v.Facts.Version = new(v.Visit.Redact(version))
	if len(fields) > 1 {
		v.Facts.Product = new(v.Visit.Redact(fields[0]))
	}
}

// publish sends an empty message that is not retained to a topic that nobody
// has. In MQTT 3.1.1 a broker acknowledges what it throws away, so that only
// MQTT 5 tells.
func (v *visit) publish(c *channel.Conn) (bool, error) {
	if v.level == level4 {
		return false, checks.Because(checks.ReasonAmbiguous, "MQTT 3.1.1 acknowledges what it denies")
	}
	if err := c.Send(publish(v.level, idPublish, "m2mscan/"+rand.Text())); err != nil {
		return false, err
	}
	for range packetsMax {
		p, err := readPacket(c)
		if err != nil {
			return false, err
		}
		switch p.kind {
		case typePubAck:
			code, err := reason(p, v.level, idPublish)
			if err != nil {
				return false, err
			}
			v.Visit.Evidence("mqtt", "PUBACK of an empty message: "+strings.TrimPrefix(codeText(code), "CONNACK "))
			return code < 0x80, nil
		case typeDisconnect:
			return false, checks.Because(checks.ReasonAmbiguous, "the broker ends the session at a message")
		}
	}
	return false, errGarbage
}
