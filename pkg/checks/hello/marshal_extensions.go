package hello

import "slices"

// appendExtensions appends the extensions of a hello. Some servers do not take
// an empty extension at the end, so those that never are come last.
func (o *Offer) appendExtensions(w *builder) {
	if name := o.serverName(); name != "" {
		w.serverName(name)
	}
	if o.lowest() < TLS13 && !o.Small {
		w.extension(ExtExtendedMasterSecret)
		w.extension(ExtEncryptThenMAC)
		w.extension(ExtSessionTicket)
	}
	if o.lowest() < TLS13 && !o.renegotiationSuite() {
		w.extension(ExtRenegotiationInfo, 0)
	}
	if !o.Small {
		w.extension(ExtStatusRequest, 1, 0, 0, 0, 0) // OCSP, any responder
		w.extension(ExtSCT)
	}
	if len(o.ALPN) > 0 {
		w.alpn(o.ALPN)
	}
	if o.Heartbeat {
		w.extension(ExtHeartbeat, 1) // the server may send requests
	}
	if len(o.Groups) > 0 {
		if o.lowest() < TLS13 && !o.Small {
			w.extension(ExtPointFormats, 1, 0) // uncompressed
		}
		writeCodes(w, ExtSupportedGroups, o.Groups)
	}
	if o.highest() >= TLS12 { // not for older ones (RFC 5246 section 7.4.1.4.1)
		o.appendSignatureSchemes(w)
	}
	if o.highest() == TLS13 {
		o.appendTLS13(w)
	}
}

// renegotiationSuite reports that a suite says that renegotiation is secure,
// and not an extension (RFC 5746 section 3.3): it is shorter, and the only way
// for SSL 3.0. TLS 1.3 has no renegotiation.
func (o *Offer) renegotiationSuite() bool {
	return o.lowest() < TLS13 && (o.Small || o.highest() == SSL3)
}

// appendTLS13 appends what only TLS 1.3 knows.
func (o *Offer) appendTLS13(w *builder) {
	if !o.Small { // some servers send no ticket without
		w.extension(ExtPSKModes, 1, 1) // psk_dhe_ke
	}
	w.uint16(ExtSupportedVersions)
	extension := w.open(2)
	versions := w.open(1)
	for v := TLS13; v >= SSL3; v-- { // some servers take the first
		if slices.Contains(o.Versions, v) {
			w.uint16(uint16(v))
		}
	}
	w.close(versions, 1)
	w.close(extension, 2)
	w.extension(ExtKeyShare, 0, 0) // none: asks for a HelloRetryRequest
}

// appendSignatureSchemes appends those of the offer, or else all, or in a
// small hello the common ones.
func (o *Offer) appendSignatureSchemes(w *builder) {
	switch {
	case len(o.SignatureSchemes) > 0:
		writeCodes(w, ExtSignatureAlgorithms, o.SignatureSchemes)
		return
	case o.Small:
		writeCodes(w, ExtSignatureAlgorithms, commonSchemes)
		return
	}
	w.uint16(ExtSignatureAlgorithms)
	extension := w.open(2)
	list := w.open(2)
	for _, s := range schemes {
		if !s.old || o.highest() < TLS13 {
			w.uint16(uint16(s.scheme))
		}
	}
	w.close(list, 2)
	w.close(extension, 2)
}

// serverName appends SNI (RFC 6066 section 3).
func (w *builder) serverName(name string) {
	w.uint16(ExtServerName)
	extension := w.open(2)
	list := w.open(2)
	w.byte(0) // host_name
	host := w.open(2)
	w.b = append(w.b, name...)
	w.close(host, 2)
	w.close(list, 2)
	w.close(extension, 2)
}

// alpn appends the protocols in order of preference (RFC 7301 section 3.1).
func (w *builder) alpn(protocols []string) {
	w.uint16(ExtALPN)
	extension := w.open(2)
	list := w.open(2)
	for _, protocol := range protocols {
		w.byte(byte(len(protocol)))
		w.b = append(w.b, protocol...)
	}
	w.close(list, 2)
	w.close(extension, 2)
}

// writeCodes appends an extension that is a list of 16-bit code points.
func writeCodes[T ~uint16](w *builder, kind uint16, list []T) {
	w.uint16(kind)
	extension := w.open(2)
	vector := w.open(2)
	for _, code := range list {
		w.uint16(uint16(code))
	}
	w.close(vector, 2)
	w.close(extension, 2)
}
