package grpc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

const garbageName = "garbage credential"

// survey is one visit of the probe.
type survey struct {
	visit *checks.Visit
	talk  *httpclient.Conversation
	calls *httpclient.Procedures
	facts *Facts

	certified bool // the server wants a client certificate, and is shown the link's own
	answers   []*answer

	// The answers; nil where nothing was asked.
	bare, nobody, garbage, own *answer
	reflection                 []*answer
}

// ask makes all calls. The error says why nothing can be learned.
func (s *survey) ask(ctx context.Context) error {
	w := wantedFor(s.visit.Link(), s.visit.Level())
	s.bare = s.call(ctx, w.bare)
	if s.wantsCertificate(w) {
		s.certified = true
		s.bare = s.call(ctx, w.bare)
	}
	if s.bare.response == nil {
		return s.bare.err
	}
	s.nobody = s.call(ctx, w.nobody)
	if w.asksGarbage {
		w.garbage.Credential = httpclient.TokenCredential(s.visit.Link(), garbageName, rand.Text())
		s.garbage = s.call(ctx, w.garbage)
	}
	if w.asksOwn {
		s.own = s.callOwn(ctx, w.own)
	}
	for _, call := range w.reflection {
		a := s.call(ctx, call)
		s.reflection = append(s.reflection, a)
		if a.kind != kindAbsent {
			break
		}
	}
	return nil
}

// wantsCertificate reports that the server ended TLS for want of a client
// certificate, and that the inventory names one.
func (s *survey) wantsCertificate(w wanted) bool {
	_, alert := checks.AlertOf(s.bare.err)
	return alert && w.own.Certificate
}

// callOwn calls with all that the inventory states to prove ourselves by.
func (s *survey) callOwn(ctx context.Context, call httpclient.Call) *answer {
	if call.Credential != nil {
		credential, err := s.talk.Declared(ctx)
		if err != nil {
			return &answer{err: err}
		}
		call.Credential = credential
	}
	return s.call(ctx, call)
}

func (s *survey) call(ctx context.Context, call httpclient.Call) *answer {
	call.Certificate = call.Certificate || s.certified
	a := newAnswer(s.calls.Call(ctx, call))
	if _, alert := checks.AlertOf(a.err); a.response != nil || alert {
		// No colon follows the word credential: what stands behind one is masked.
		s.visit.Evidence("grpc", call.Name()+" -> "+a.String())
	}
	s.answers = append(s.answers, a)
	return a
}

// settle draws the facts from the answers.
func (s *survey) settle() {
	s.settleProtocol()
	s.settleHealth()
	s.settleTokens()
	s.settleReflection()
	s.settleNobody()
	s.settleErrors()
	s.settleHeaders()
}

func (s *survey) settleProtocol() {
	switch {
	case slices.ContainsFunc(s.answers, func(a *answer) bool { return a.grpc }):
		s.facts.SpeaksGRPC = new(true)
	case s.bare.foreign() && s.nobody.foreign():
		s.facts.SpeaksGRPC = new(false)
	default:
		s.unknown("speaks_grpc", s.bare.why("the answer does not show what is spoken"))
	}
}

// why is what keeps an answer from saying more; for one that says all it can,
// it is the text given.
func (a *answer) why(otherwise string) error {
	if a.err != nil {
		return a.err
	}
	return checks.Because(checks.ReasonAmbiguous, "%s", otherwise)
}

// settleHealth reads the first check that was not refused.
func (s *survey) settleHealth() {
	told := s.bare
	if told.kind == kindRefused && s.own != nil && s.own.kind != kindSilent {
		told = s.own
	}
	switch {
	case told.kind == kindServed:
		health, err := readHealth(told.message)
		if err != nil {
			s.unknown("health", err)
			return
		}
		s.facts.Health = &health
	case told.kind == kindAbsent && told.code == codeNotFound:
		s.facts.Health = new("service_unknown")
	case told.kind == kindAbsent:
		s.facts.Health = new("unimplemented")
	case told.kind == kindRefused:
		s.unknown("health", checks.Because(checks.ReasonNotTested, "a health check is refused"))
	default:
		s.unknown("health", told.err)
	}
}

// settleTokens says what became of health checks, by the token they had. A
// procedure that is not there says nothing of who may call, for many servers
// look for it before they look at the token; but where a call without a token
// is refused, it says that this one was let in.
func (s *survey) settleTokens() {
	switch s.bare.kind {
	case kindServed:
		s.facts.HealthWithoutToken = new(accepted)
	case kindRefused:
		s.facts.HealthWithoutToken = new(refused)
	default:
		s.unknown("health_without_token", s.bare.why("there is no health service, and others need not be as open or as closed"))
	}
	s.facts.WithGarbageToken = s.became("with_garbage_token", s.garbage, "the inventory says that no token is used")
	s.facts.Declared = s.became("declared", s.own, "the inventory states no credential that may be sent to this link")
	s.settlePresence()
}

func (s *survey) became(fact string, a *answer, without string) *string {
	switch {
	case a == nil:
		s.unknown(fact, notAsked(without))
	case a.kind == kindRefused:
		return new(refused)
	case a.kind == kindServed, a.kind == kindAbsent && s.bare.kind == kindRefused:
		return new(accepted)
	default:
		s.unknown(fact, a.why("there is no health service to try a token on"))
	}
	return nil
}

func (s *survey) settlePresence() {
	const fact = "presence_only"
	switch {
	case s.garbage == nil:
		s.unknown(fact, notAsked("the inventory says that no token is used"))
	case s.facts.HealthWithoutToken == nil || s.facts.WithGarbageToken == nil:
		s.unknown(fact, checks.Because(checks.ReasonAmbiguous, "what became of a client without a token, or with a garbage one, is not known"))
	case *s.facts.HealthWithoutToken == accepted:
		s.unknown(fact, notAsked("no token is demanded for a health check"))
	default:
		s.facts.PresenceOnly = new(*s.facts.WithGarbageToken == accepted)
	}
}

// settleReflection reads the list of services.
func (s *survey) settleReflection() {
	if len(s.reflection) == 0 {
		s.unlisted(notAsked("services are listed with --level active"))
		s.unknown("reflection", notAsked("services are listed with --level active"))
		return
	}
	a := s.reflection[len(s.reflection)-1]
	switch a.kind {
	case kindServed:
		list, err := readServices(a.message)
		if err != nil {
			s.unlisted(err)
			s.unknown("reflection", err)
			return
		}
		s.facts.Reflection, s.facts.Services, s.facts.AdminServices = new(true), &list.services, list.admin
	case kindRefused, kindAbsent:
		s.facts.Reflection = new(false)
		s.unlisted(notAsked("the server lists no services"))
	default:
		s.unlisted(a.err)
		s.unknown("reflection", a.err)
	}
}

func (s *survey) unlisted(err error) {
	s.unknown("services", err)
	s.unknown("admin_services", err)
}

func (s *survey) settleNobody() {
	if !s.nobody.grpc {
		s.unknown("unknown_method_status", s.nobody.why("the answer is not one of gRPC"))
		return
	}
	s.facts.UnknownMethodStatus = new(int(s.nobody.code))
}

// settleErrors looks at every error's text. That none shows anything means
// something where the server itself gave one.
func (s *survey) settleErrors() {
	errorsSeen := false
	for _, a := range s.answers {
		if !a.grpc || a.code == codeOK {
			continue
		}
		errorsSeen = true
		if what, ok := discloses(a.text); ok {
			s.facts.VerboseErrors = new(true)
			s.visit.Evidence("grpc", fmt.Sprintf("the text of status %d shows %s", a.code, what))
			return
		}
	}
	if !errorsSeen {
		s.unknown("verbose_errors", s.nobody.why("no call was answered with an error of gRPC"))
		return
	}
	s.facts.VerboseErrors = new(false)
}

// settleHeaders reads the header of the answers, of which any has it.
func (s *survey) settleHeaders() {
	server := ""
	var taken []string
	for _, a := range s.answers {
		if a.response == nil {
			continue
		}
		if server == "" {
			server = a.response.Header.Get("Server")
		}
		if taken == nil && a.response.Header.Get("Grpc-Accept-Encoding") != "" {
			taken = compressions(a.response.Header.Values("Grpc-Accept-Encoding"))
		}
	}
	s.facts.Server = new(s.visit.Redact(server))
	if s.facts.Compression = taken; taken == nil {
		s.unknown("compression", notAsked("the server does not say"))
	}
}

// compressionsMax is how many compressions are listed, and compressionMax how
// long a name of one may be.
const (
	compressionsMax = 16
	compressionMax  = 32
)

// compressions lists what servers take beside no compression, sorted.
func compressions(fields []string) []string {
	taken := []string{}
	for _, field := range fields {
		for name := range strings.SplitSeq(field, ",") {
			name = strings.ToLower(strings.TrimSpace(name))
			if name != "" && name != "identity" && len(name) <= compressionMax && len(taken) < compressionsMax && !slices.Contains(taken, name) {
				taken = append(taken, name)
			}
		}
	}
	slices.Sort(taken)
	return taken
}

func (s *survey) unknown(fact string, err error) {
	if err == nil {
		err = errors.New("nothing was learned")
	}
	s.visit.Unknown(fact, err)
}

func notAsked(why string) error { return checks.Because(checks.ReasonNotAsked, "%s", why) }
