package kafka

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// apache answers as brokers of Apache Kafka do where kfake differs: it closes
// after error 33 and on requests before a login, answers 34 on listeners
// without SASL, and says 54 and 58.
type apache struct {
	t          testing.TB
	release    *kversion.Versions // 3.9 when nil
	sasl       []string           // mechanisms of the listener; nil when it has no SASL
	listed     []string           // that it lists with error 34
	authorizer int16              // what DescribeAcls ends with
	cluster    operations
	topics     []kmsg.MetadataResponseTopic
	brokers    []kmsg.MetadataResponseBroker
	password   string // "*" for any
	refusal    string // the text with error 58
	throttle   int32
	lifetime   int64
	closesOn   int16 // a request on which it closes, when not zero
	challenge  string
}

// dialogue is one connection to it.
type dialogue struct {
	*apache
	mechanism string
	in, ended bool
}

func (a *apache) serve(c net.Conn) {
	d := &dialogue{apache: a, in: a.sasl == nil}
	for !d.ended {
		prefix := make([]byte, 4)
		if _, err := io.ReadFull(c, prefix); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(prefix))
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		req, number := a.read(body)
		resp := d.answer(req)
		if resp == nil {
			return
		}
		out := resp.AppendTo(append(make([]byte, 4), number...))
		binary.BigEndian.PutUint32(out, uint32(len(out)-4))
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

func (a *apache) read(body []byte) (req kmsg.Request, number []byte) {
	req = kmsg.RequestForKey(int16(binary.BigEndian.Uint16(body)))
	req.SetVersion(int16(binary.BigEndian.Uint16(body[2:])))
	rest, ok := bytes.CutPrefix(body[8:], []byte("\x00\x07m2mscan"))
	if !ok {
		a.t.Errorf("the client is %.20q", body[8:])
	}
	if req.IsFlexible() {
		rest = rest[1:] // no tagged fields
	}
	if err := req.ReadFrom(rest); err != nil {
		a.t.Errorf("request %d: %v", req.Key(), err)
	}
	return req, body[4:8]
}

func (d *dialogue) answer(req kmsg.Request) kmsg.Response {
	if req.Key() == d.closesOn && d.closesOn != 0 {
		return nil
	}
	switch req := req.(type) {
	case *kmsg.ApiVersionsRequest:
		return d.apiVersions(req)
	case *kmsg.SASLHandshakeRequest:
		return d.saslHandshake(req)
	case *kmsg.SASLAuthenticateRequest:
		return d.saslAuthenticate(req)
	}
	if !d.in {
		return nil
	}
	switch req := req.(type) {
	case *kmsg.MetadataRequest:
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		if req.AllowAutoTopicCreation || req.Version < 1 || req.Topics == nil && !req.IncludeTopicAuthorizedOperations || len(req.Topics) > 0 {
			d.t.Errorf("Metadata %+v", req)
		}
		resp.Brokers, resp.ThrottleMillis = d.brokers, d.throttle
		if req.IncludeClusterAuthorizedOperations {
			resp.AuthorizedOperations = int32(d.cluster)
		}
		if req.Topics == nil {
			resp.Topics = d.topics
		}
		return resp
	case *kmsg.DescribeACLsRequest:
		resp := req.ResponseKind().(*kmsg.DescribeACLsResponse)
		resp.ErrorCode = d.authorizer
		return resp
	default:
		d.t.Errorf("request %d", req.Key())
		return nil
	}
}

var clientPattern = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$`)

func (d *dialogue) apiVersions(req *kmsg.ApiVersionsRequest) kmsg.Response {
	release := d.release
	if release == nil {
		release = kversion.V3_9_0()
	}
	resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
	if most, ok := release.LookupMaxKeyVersion(18); !ok || req.Version > most {
		resp.Version, resp.ErrorCode = 0, codeUnsupportedVersion
		return resp
	}
	if req.Version >= 3 && (req.ClientSoftwareName != "m2mscan" || !clientPattern.MatchString(req.ClientSoftwareVersion)) {
		d.t.Errorf("client software %q %q", req.ClientSoftwareName, req.ClientSoftwareVersion)
	}
	release.EachMaxKeyVersion(func(key, most int16) {
		has := kmsg.NewApiVersionsResponseApiKey()
		has.ApiKey, has.MaxVersion = key, most
		resp.ApiKeys = append(resp.ApiKeys, has)
	})
	return resp
}

func (d *dialogue) saslHandshake(req *kmsg.SASLHandshakeRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.SASLHandshakeResponse)
	switch {
	case d.sasl == nil:
		resp.ErrorCode, resp.SupportedMechanisms = codeIllegalSASLState, d.listed
	case !slices.Contains(d.sasl, req.Mechanism):
		resp.ErrorCode, resp.SupportedMechanisms = codeUnsupportedMechanism, d.sasl
		d.ended = true
	default:
		d.mechanism, resp.SupportedMechanisms = req.Mechanism, d.sasl
	}
	return resp
}

func (d *dialogue) saslAuthenticate(req *kmsg.SASLAuthenticateRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
	token := string(req.SASLAuthBytes)
	switch {
	case d.mechanism == "PLAIN" && (d.password == "*" || strings.HasSuffix(token, "\x00"+d.password)),
		d.mechanism == "OAUTHBEARER" && token == "n,,\x01auth=Bearer "+d.password+"\x01\x01":
		d.in, resp.SessionLifetimeMillis = true, d.lifetime
	case d.mechanism == "OAUTHBEARER" && token != "\x01":
		resp.SASLAuthBytes = []byte(`{"status":"invalid_token"}`)
	case d.challenge != "" && strings.HasPrefix(token, "n,,"):
		_, nonce, _ := strings.Cut(token, ",r=")
		resp.SASLAuthBytes = []byte("r=" + nonce + d.challenge)
	case d.challenge != "":
		resp.SASLAuthBytes = []byte("v=" + strings.Repeat("A", 88))
	default:
		resp.ErrorCode, d.ended = codeAuthentication, true
		if d.refusal != "" {
			resp.ErrorMessage = &d.refusal
		}
	}
	return resp
}

func topic(internal bool, ops ...kmsg.ACLOperation) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.IsInternal, out.AuthorizedOperations = new("secret-name"), internal, 0
	for _, op := range ops {
		out.AuthorizedOperations |= 1 << op
	}
	return out
}

func at(host string, port int32) kmsg.MetadataResponseBroker {
	b := kmsg.NewMetadataResponseBroker()
	b.Host, b.Port = host, port
	return b
}

const (
	sayWrong = "Authentication failed: Invalid username or password"
	scram58  = "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512"
)
