package access

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// outcome is what became of a request, or why that is not known.
type outcome struct {
	value string
	basis string // of what is accepted
	err   error  // when value is empty
}

func (o outcome) is(value string) bool { return o.value == value }

func unsettled(format string, args ...any) outcome {
	return outcome{err: checks.Because(checks.ReasonAmbiguous, format, args...)}
}

// weighOwn is what became of the link's own credential. Where it is let through
// to what a GET cannot have, it was good enough.
func (s *survey) weighOwn() outcome {
	a := s.own
	switch a.kind {
	case kindRefused:
		return outcome{value: refused}
	case kindAlert:
		if s.requests.mutual {
			return outcome{value: refused}
		}
	case kindSoft:
		return outcome{value: softRefused}
	case kindDenied:
		return s.weighOwnDenied()
	case kindMoved:
		return unsettled("a redirect says nothing of the credential")
	case kindOpen:
		if a.content == contentError && s.none.is(kindOpen) {
			return unsettled("%s, an error that does not speak of credentials", a)
		}
		return outcome{value: accepted}
	default: // err says why not
	}
	return outcome{err: a.err}
}

func (s *survey) weighOwnDenied() outcome {
	a := s.own
	kept := s.none.is(kindRefused, kindAlert) || s.none.is(kindDenied) && s.none.Status != a.Status
	switch a.Status {
	case http.StatusForbidden:
		if kept {
			return outcome{value: forbidden}
		}
	case http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusConflict, http.StatusLengthRequired,
		http.StatusPreconditionFailed, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusPreconditionRequired:
		if kept {
			return outcome{value: accepted}
		}
	}
	return unsettled("%s to our own credential may have other reasons", a)
}

// baseline is the answer that the link is there for; nil when there is none.
func (s *survey) baseline() *answer {
	if s.own != nil && s.own.is(kindOpen) && s.own.content == contentPlain {
		return s.own
	}
	return nil
}

// passed reports that a credential makes a difference: the link's own is let
// in, or one that nobody issued.
func (s *survey) passed() bool {
	return s.own != nil && s.weighOwn().is(accepted) || s.garbage != nil && s.garbage.is(kindOpen)
}

// weigh is what became of a request, without a credential or with a bad one.
func (s *survey) weigh(ctx context.Context, a *answer) outcome {
	switch a.kind {
	case kindRefused:
		return outcome{value: refused}
	case kindSoft:
		return outcome{value: softRefused}
	case kindAlert:
		if s.endsForCertificate(ctx, a) {
			return outcome{value: refused}
		}
	case kindDenied:
		if s.passed() {
			return outcome{value: refused} // the credential is all that differs
		}
		return unsettled("%s may have other reasons than the credential", a)
	case kindMoved:
		return s.weighRedirect(a)
	case kindOpen:
		return s.weighOpen(a)
	default: // err says why not
	}
	return outcome{err: a.err}
}

// certificateRequired is the alert of a server that wants a client certificate
// (RFC 8446 section 6.2).
const certificateRequired = 116

// endsForCertificate reports that TLS ended for want of a client certificate:
// the alert says so, the server had asked for one, or goes on with ours.
func (s *survey) endsForCertificate(ctx context.Context, a *answer) bool {
	if alert, ok := checks.AlertOf(a.err); ok && alert == certificateRequired {
		return true
	}
	certified := s.own
	if s.requests.certified {
		certified = s.none
	}
	if certified != nil && certified != a && certified.Exchange != nil {
		return true
	}
	h, err := s.visit.Handshake(ctx)
	return err == nil && h.ClientCertRequested
}

func (s *survey) weighRedirect(a *answer) outcome {
	switch {
	case s.own != nil && s.own.is(kindMoved) && s.own.location.String() == a.location.String():
		return unsettled("%s, with our own credential as well", a)
	case s.passed():
		return outcome{value: redirected} // the credential is all that differs
	case !leadsToLogin(a.location) && slices.ContainsFunc(s.randoms, func(random *answer) bool {
		return random.is(kindMoved) && random.location.Host == a.location.Host
	}):
		return unsettled("%s, as random paths do", a)
	case leadsToLogin(a.location), leadsElsewhere(s.at, a.location):
		return outcome{value: redirected}
	}
	return unsettled("%s: it may be for another reason than the credential", a)
}

// weighOpen is for content that came without a good credential.
func (s *survey) weighOpen(a *answer) outcome {
	switch {
	case a.content != contentPlain:
		return unsettled("%s: it does not show what the link is there for", a)
	case s.requests.graphQL && answersQuery(a):
		return outcome{value: accepted, basis: queryAnswered}
	case slices.Contains(alivePaths, strings.ToLower(path.Base(s.at.Path))):
		return unsettled("%s at a path that is there to be asked by anybody", a)
	}
	like, err := s.likeRandom(a)
	if err != nil {
		return outcome{err: err}
	}
	if like {
		return unsettled("%s: random paths are answered alike", a)
	}
	if own := s.baseline(); own != nil {
		likeness := s.compare(a, own).both()
		if likeness < alike {
			return unsettled("%s: %.2f alike to the answer to our own credential", a, likeness)
		}
		s.note(a.Request, fmt.Sprintf("%.2f alike to the answer to our own credential", likeness))
		return outcome{value: accepted, basis: sameAsAuthenticated}
	}
	if !isForMachines(a.Response) {
		return unsettled("%s, and no answer to our own credential to compare it with", a)
	}
	return outcome{value: accepted, basis: unlikeRandom}
}

// isForMachines reports content that clients read and people do not.
func isForMachines(r *httpclient.Response) bool {
	return isJSON(r) || isXML(r) || slices.Contains([]string{"text/csv", "application/x-ndjson", "application/yaml"}, r.MediaType())
}

// likeRandom reports whether a random path is answered alike. The error says
// why that is not known.
func (s *survey) likeRandom(a *answer) (bool, error) {
	err := checks.Because(checks.ReasonAmbiguous, "no random path was answered to compare with")
	known := false
	for _, random := range s.randoms {
		if random.is(kindSilent, kindAlert, kindBusy) {
			if random.err != nil {
				_, reason := checks.Classify(random.err)
				err = checks.Because(reason, "no random path was answered to compare with: %w", random.err)
			}
			continue
		}
		known = true
		if random.success() && s.compare(a, random).both() >= alike {
			return true, nil
		}
	}
	if !known {
		return false, err
	}
	return false, nil
}

// answersQuery reports that GraphQL executed the query.
func answersQuery(a *answer) bool {
	return isJSON(a.Response) && strings.Contains(string(a.Body[:min(len(a.Body), plainMax)]), `"__typename"`)
}

// weighBad is what became of a credential that is no good. Where none is
// refused, a status of success shows that it was let in: what is in the answer
// may be another account's, or nobody's.
func (s *survey) weighBad(ctx context.Context, a *answer) outcome {
	if !a.is(kindOpen) || !s.none.refusal() {
		return s.weigh(ctx, a)
	}
	if a.content == contentError {
		return unsettled("%s: it does not show what the link is there for", a)
	}
	own := s.baseline()
	if own == nil {
		return outcome{value: accepted}
	}
	if likeness := s.compare(a, own).either(); likeness < alike {
		return unsettled("%s: %.2f alike to the answer to our own credential", a, likeness)
	}
	return outcome{value: accepted, basis: sameAsAuthenticated}
}

// leadsToLogin reports a redirect to a login page, by its words.
func leadsToLogin(to *url.URL) bool {
	parts := strings.FieldsFunc(strings.ToLower(to.Host+"/"+to.Path), func(r rune) bool { return strings.ContainsRune("/.:;", r) })
	return slices.ContainsFunc(parts, func(part string) bool { return slices.Contains(loginWords, part) })
}

// leadsElsewhere reports a redirect to another host.
func leadsElsewhere(from, to *url.URL) bool {
	return !strings.EqualFold(from.Hostname(), to.Hostname())
}
