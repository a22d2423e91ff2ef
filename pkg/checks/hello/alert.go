package hello

import "strconv"

// Alert is an alert of the server (RFC 8446 section 6).
type Alert struct {
	Fatal bool
	Code  uint8
}

// The alerts that matter in front of a handshake (RFC 8446 section 6.2, RFC
// 5246 section 7.2.2).
const (
	AlertCloseNotify            uint8 = 0
	AlertUnexpectedMessage      uint8 = 10
	AlertBadRecordMAC           uint8 = 20
	AlertDecryptionFailed       uint8 = 21
	AlertRecordOverflow         uint8 = 22
	AlertDecompressionFailure   uint8 = 30
	AlertHandshakeFailure       uint8 = 40
	AlertNoCertificate          uint8 = 41
	AlertBadCertificate         uint8 = 42
	AlertUnsupportedCertificate uint8 = 43
	AlertCertificateRevoked     uint8 = 44
	AlertCertificateExpired     uint8 = 45
	AlertCertificateUnknown     uint8 = 46
	AlertIllegalParameter       uint8 = 47
	AlertUnknownCA              uint8 = 48
	AlertAccessDenied           uint8 = 49
	AlertDecodeError            uint8 = 50
	AlertDecryptError           uint8 = 51
	AlertExportRestriction      uint8 = 60
	AlertProtocolVersion        uint8 = 70
	AlertInsufficientSecurity   uint8 = 71
	AlertInternalError          uint8 = 80
	AlertInappropriateFallback  uint8 = 86
	AlertUserCanceled           uint8 = 90
	AlertNoRenegotiation        uint8 = 100
	AlertMissingExtension       uint8 = 109
	AlertUnsupportedExtension   uint8 = 110
	AlertUnrecognizedName       uint8 = 112
	AlertUnknownPSKIdentity     uint8 = 115
	AlertCertificateRequired    uint8 = 116
	AlertNoApplicationProtocol  uint8 = 120
)

// String is the name of the alert as in the RFCs, with its number when it has
// none; a warning says so.
func (a Alert) String() string {
	name := "alert " + strconv.Itoa(int(a.Code))
	if int(a.Code) < len(alertNames) && alertNames[a.Code] != "" {
		name = alertNames[a.Code]
	}
	if !a.Fatal {
		return name + " (warning)"
	}
	return name
}

// alertNames is indexed by code.
var alertNames = [...]string{
	AlertCloseNotify:            "close_notify",
	AlertUnexpectedMessage:      "unexpected_message",
	AlertBadRecordMAC:           "bad_record_mac",
	AlertDecryptionFailed:       "decryption_failed",
	AlertRecordOverflow:         "record_overflow",
	AlertDecompressionFailure:   "decompression_failure",
	AlertHandshakeFailure:       "handshake_failure",
	AlertNoCertificate:          "no_certificate",
	AlertBadCertificate:         "bad_certificate",
	AlertUnsupportedCertificate: "unsupported_certificate",
	AlertCertificateRevoked:     "certificate_revoked",
	AlertCertificateExpired:     "certificate_expired",
	AlertCertificateUnknown:     "certificate_unknown",
	AlertIllegalParameter:       "illegal_parameter",
	AlertUnknownCA:              "unknown_ca",
	AlertAccessDenied:           "access_denied",
	AlertDecodeError:            "decode_error",
	AlertDecryptError:           "decrypt_error",
	AlertExportRestriction:      "export_restriction",
	AlertProtocolVersion:        "protocol_version",
	AlertInsufficientSecurity:   "insufficient_security",
	AlertInternalError:          "internal_error",
	AlertInappropriateFallback:  "inappropriate_fallback",
	AlertUserCanceled:           "user_canceled",
	AlertNoRenegotiation:        "no_renegotiation",
	AlertMissingExtension:       "missing_extension",
	AlertUnsupportedExtension:   "unsupported_extension",
	AlertUnrecognizedName:       "unrecognized_name",
	AlertUnknownPSKIdentity:     "unknown_psk_identity",
	AlertCertificateRequired:    "certificate_required",
	AlertNoApplicationProtocol:  "no_application_protocol",
}

// ends reports that nothing can follow the alert: it is fatal, or it is one of
// those that are always fatal (RFC 5246 section 7.2.2, RFC 8446 section 6.2)
// and the server has got their level wrong.
func (a Alert) ends() bool {
	if a.Fatal {
		return true
	}
	switch a.Code {
	case AlertUnexpectedMessage, AlertBadRecordMAC, AlertDecryptionFailed, AlertRecordOverflow,
		AlertDecompressionFailure, AlertHandshakeFailure, AlertIllegalParameter, AlertUnknownCA,
		AlertAccessDenied, AlertDecodeError, AlertDecryptError, AlertExportRestriction,
		AlertProtocolVersion, AlertInsufficientSecurity, AlertInternalError,
		AlertInappropriateFallback, AlertMissingExtension, AlertUnsupportedExtension,
		AlertUnknownPSKIdentity, AlertCertificateRequired, AlertNoApplicationProtocol:
		return true
	}
	return false
}
