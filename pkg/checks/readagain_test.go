package checks

import (
	"context"
	"crypto/tls"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// spoilt is a certificate whose version no parser knows.
func spoilt(t *testing.T) tls.Certificate {
	t.Helper()
	c := certify(t, nil)
	der := append([]byte(nil), c.Certificate[0]...)
	// SEQUENCE, SEQUENCE, [0] INTEGER: the version (RFC 5280 section 4.1.2.1).
	for i := range der {
		if string(der[i:i+4]) == "\xa0\x03\x02\x01" {
			der[i+4] = 9
			break
		}
	}
	return tls.Certificate{Certificate: [][]byte{der, {0x30, 0x00}}, PrivateKey: c.PrivateKey}
}

// TestRefusedCertificateIsKept: what crypto/tls refuses is still reported.
func TestRefusedCertificateIsKept(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS12, tls.VersionTLS13} {
		for _, auth := range []tls.ClientAuthType{tls.NoClientCert, tls.RequireAnyClientCert} {
			t.Run(tls.VersionName(version)+" "+auth.String(), func(t *testing.T) {
				t.Parallel()
				bad := spoilt(t)
				p := tlsPeer(t, &tls.Config{
					Certificates: []tls.Certificate{bad}, MinVersion: version, MaxVersion: version, ClientAuth: auth,
				})
				shakeWith(t, patient, p.url("https"), func(_ context.Context, _ *Visit, h *Handshake, err error) {
					if err != nil || h.Err == nil {
						t.Fatalf("%+v, %v: want a handshake that broke off", h, err)
					}
					if diff := cmp.Diff(h.Chain, bad.Certificate); diff != "" {
						t.Errorf("chain (-got +want):\n%s", diff)
					}
					if h.ClientCertRequested != (auth != tls.NoClientCert) {
						t.Errorf("client certificate requested: %v", h.ClientCertRequested)
					}
				})
			})
		}
	}
}

func TestEarlyDataIsKnownOnceATicketWasRead(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		p := tlsPeer(t, &tls.Config{MaxVersion: version})
		shakeWith(t, patient, p.url("https"), func(_ context.Context, _ *Visit, h *Handshake, err error) {
			if err != nil {
				t.Fatal(err)
			}
			if _, known := h.EarlyDataOffered(); known {
				t.Errorf("%s: known before a ticket was read", tls.VersionName(version))
			}
			c := h.TakeConn()
			_, _ = c.Write([]byte("x"))
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			_, _ = c.Read(make([]byte, 1))
			offered, known := h.EarlyDataOffered()
			if want := version == tls.VersionTLS13; offered || known != want {
				t.Errorf("%s: offered %v, known %v; want false, %v", tls.VersionName(version), offered, known, want)
			}
		})
	}
}
