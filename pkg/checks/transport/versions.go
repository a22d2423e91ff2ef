package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// offerVersion asks a server whether it accepts one TLS version, as crypto/tls
// numbers it. The error says why the answer does not settle that. Everything
// else in this package is indifferent to how the question is put.
type offerVersion func(ctx context.Context, version uint16) (accepted bool, err error)

// byHandshake puts the question by a handshake that offers nothing else.
func byHandshake(v *checks.Visit) offerVersion {
	return func(ctx context.Context, version uint16) (bool, error) {
		_, err := v.HandshakeVersion(ctx, version)
		if alert, ok := errors.AsType[tls.AlertError](err); ok {
			v.Evidence("alert", fmt.Sprintf("%s alone: alert %d, %s", tls.VersionName(version), uint8(alert), alertText(alert)))
		}
		return answerOf(version, err)
	}
}

// alertProtocolVersion is the alert of a server that knows the client's
// version and will not speak it (RFC 8446 section 6.2).
const alertProtocolVersion = tls.AlertError(70)

// answerOf reads a server's answer to a hello with just one version. A nil
// error stands for a ServerHello, which carried that version.
//
// Of the alerts only protocol_version is a no: a server that supports none of
// the versions offered must send it (RFC 5246 appendix E.1, RFC 8446 section
// 4.2.1). handshake_failure (40) and insufficient_security (71) are about
// suites and groups, of which this client lacks some (DHE, CCM, Camellia);
// illegal_parameter (47), decode_error (50), internal_error (80) and
// unrecognized_name (112) may have any cause. The error holds the alert.
func answerOf(version uint16, err error) (bool, error) {
	if err == nil {
		return true, nil
	}
	if _, ok := errors.AsType[*checks.VersionError](err); ok {
		// It chose from versions that were not offered, so it has no use for
		// the one that was.
		return false, nil
	}
	alert, ok := errors.AsType[tls.AlertError](err)
	switch {
	case !ok:
		return false, err
	case alert == alertProtocolVersion:
		return false, nil
	default:
		return false, checks.Because(checks.ReasonAmbiguous, "alert %d (%w) may refuse %s or only its suites",
			uint8(alert), alert, tls.VersionName(version))
	}
}

// alertInternalError is the alert of a server that fails (RFC 8446 section 6.2).
const alertInternalError = tls.AlertError(80)

// refusedByFailing settles TLS 1.0 and 1.1 on a server that answers both with
// internal_error, as OpenSSL 3 does in its default settings: these versions
// have no signature but over SHA-1, which its security level rules out. It is
// not about suites, for then the answer had to be handshake_failure. A server
// in trouble fails alike, but then also at a version that it accepts, which is
// asked for once more.
func refusedByFailing(ctx context.Context, offer offerVersion, unsettled map[uint16]error, accepted uint16) bool {
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if alert, ok := errors.AsType[tls.AlertError](unsettled[version]); !ok || alert != alertInternalError {
			return false
		}
	}
	again, err := offer(ctx, accepted)
	return err == nil && again
}
