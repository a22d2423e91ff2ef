package access

import (
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// TestClassify: what a body says with a status of success. Words that sound
// like errors are data as long as no field makes them more.
func TestClassify(t *testing.T) {
	t.Parallel()
	const problem, html, xml, plain = "application/problem+json", "text/html; charset=utf-8", "application/xml", "text/plain"
	for _, test := range []struct {
		media, body string
		want        content
	}{
		// Refusals.
		{jsonType, `{"error":"unauthorized"}`, contentRefusal},
		{jsonType, `{"error":"invalid_token","error_description":"The access token expired"}`, contentRefusal},
		{jsonType, `{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}`, contentRefusal},
		{jsonType, `{"errors":[{"status":"403","title":"Forbidden"}]}`, contentRefusal},
		{jsonType, `{"errors":["Not authenticated"]}`, contentRefusal},
		{jsonType, `{"data":null,"errors":[{"message":"x","extensions":{"code":"UNAUTHENTICATED"}}]}`, contentRefusal},
		{jsonType, `{"data":{"me":null},"errors":[{"message":"You must be logged in","path":["me"]}]}`, contentRefusal},
		{jsonType, `{"success":false,"message":"API key is missing","request_id":"17"}`, contentRefusal},
		{jsonType, `{"ok":false,"error":"not_authed","detail":"missing token"}`, contentRefusal},
		{jsonType, `{"authenticated":false}`, contentRefusal},
		{jsonType, `{"status":401,"message":"Invalid API key"}`, contentRefusal},
		{jsonType, `{"code":"FORBIDDEN"}`, contentRefusal},
		{jsonType, `{"statusCode":403}`, contentRefusal},
		{jsonType, `{"message":"Unauthorized"}`, contentRefusal},
		{jsonType, `{"message":"Missing Authentication Token"}`, contentRefusal},
		{jsonType, `{"meta":{"code":401,"error_type":"OAuthAccessTokenException","error_message":"The token is invalid"},"data":{}}`, contentRefusal},
		{jsonType, `{"response":{"status":"error","message":"Access denied"}}`, contentRefusal},
		{jsonType, `{"status":{"code":401,"message":"Invalid credentials"}}`, contentRefusal},
		{jsonType, `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`, contentRefusal},
		{jsonType, `{"Fault":{"faultcode":"soap:Client","faultstring":"Authentication required"}}`, contentRefusal},
		{problem, `{"type":"about:blank","title":"Unauthorized","detail":"No credentials"}`, contentRefusal},
		{problem, `{"type":"about:blank","title":"Sorry","status":403}`, contentRefusal},
		{plain, `{"error":"Unauthorized"}`, contentRefusal},
		{html, `<html><body><form action="/login" method=post><input name=u><INPUT TYPE="password" name=p></form>`, contentRefusal},
		{html, `<!doctype html><title>401 Unauthorized</title><p>Go away`, contentRefusal},
		{plain, "Access denied.\n", contentRefusal},
		{plain, "Forbidden", contentRefusal},
		{xml, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>No</Message></Error>`, contentRefusal},
		{xml, `<soap:Envelope xmlns:soap="x"><soap:Body><soap:Fault><faultstring>Invalid credentials</faultstring></soap:Fault></soap:Body></soap:Envelope>`, contentRefusal},

		// Errors that do not say what for, or not that.
		{jsonType, `{"error":"missing parameter: customer"}`, contentError},
		{jsonType, `{"success":false,"message":"try again"}`, contentError},
		{jsonType, `{"errors":[{"message":"Unknown argument","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}`, contentError},
		{jsonType, `{"code":404,"message":"no such thing"}`, contentError},
		{problem, `{"title":"Out of stock"}`, contentError},
		{xml, `<error>no such thing</error>`, contentError},

		// Data, with words in it that sound like errors.
		{jsonType, charges, contentPlain},
		{jsonType, `{"items":[{"name":"Invalid"},{"name":"Error"}],"error":null,"errors":[]}`, contentPlain},
		{jsonType, `{"id":5,"name":"Error handling","message":"Invalid token was reported by a user","status":"open"}`, contentPlain},
		{jsonType, `{"id":"ch_1","amount":12,"status":"failed","message":"card was declined"}`, contentPlain},
		{jsonType, `{"incidents":[{"type":"unauthorized","message":"access denied"}]}`, contentPlain},
		{jsonType, `{"error":0.02,"mean":4.1}`, contentPlain},
		{jsonType, `{"code":401,"country":"AT","city":"Graz","zip":"8010"}`, contentPlain},
		{jsonType, `{"job":"import","error":"access denied","at":"noon","attempt":3}`, contentPlain},
		{jsonType, `[{"error":"unauthorized"},{"error":"unauthorized"}]`, contentPlain},
		{jsonType, `{"data":{"me":{"name":"Ann"}},"errors":[{"message":"not authorized to see cards"}]}`, contentPlain},
		{jsonType, `{"success":true,"result":{"balance":5}}`, contentPlain},
		{jsonType, `{"authenticated":true,"token":"abc"}`, contentPlain},
		{jsonType, `{"message":"` + strings.Repeat("a long story, ", 40) + `unauthorized"}`, contentPlain + "?"},
		{jsonType, `{"a":`, contentPlain},
		{jsonType, `7`, contentPlain},
		{html, `<html><title>Documentation</title><p>Send an API key, or get "unauthorized"`, contentPlain},
		{html, `<html><form action="/search"><input name=q></form>`, contentPlain},
		{xml, `<incidents><error>access denied</error></incidents>`, contentPlain},
		{plain, "name,reason\nAnn,access denied\n" + strings.Repeat("Bob,vacation\n", 20), contentPlain},
		{"application/octet-stream", "Unauthorized", contentPlain},

		// Nothing, or next to it.
		{jsonType, "", contentBlank},
		{jsonType, " \n", contentBlank},
		{jsonType, "[]", contentBlank},
		{jsonType, "{}", contentBlank},
		{jsonType, "null", contentBlank},
		{jsonType, `{"status":"ok"}`, contentAlive},
		{jsonType, `{"title":"Forbidden City","description":"Access denied to visitors on Mondays"}`, contentAlive},
		{jsonType, `{"message":"Welcome to the API of Acme","version":"1.2","documentation_url":"https://docs.acme.example"}`, contentAlive},
		{jsonType, `{"status":"ok","database":{"latency":3}}`, contentPlain},
	} {
		want := test.want
		if want == contentPlain+"?" { // a long text is no message of an error, and a greeting for all that is known
			want = contentAlive
		}
		if got := classify(responseOf(test.media, test.body)); got != want {
			t.Errorf("%s\n%.120s\ngot %q, want %q", test.media, test.body, got, want)
		}
	}
	packed := responseOf(jsonType, `{"error":"unauthorized"}`)
	packed.Header.Set("Content-Encoding", "br")
	if got := classify(packed); got != contentPlain {
		t.Errorf("packed: %q", got)
	}
}

// FuzzClassify: whatever a server sends is one of the kinds there are, and two
// readings of it agree.
func FuzzClassify(f *testing.F) {
	for _, body := range []string{
		charges, `{"error":{"code":401}}`, `{"errors":[{"extensions":{"code":"FORBIDDEN"}}]}`, `{"status":{"status":{"status":{"error":true}}}}`,
		`<Error><Code>AccessDenied</Code></Error>`, `<html><form><input type=password></form>`, "Forbidden", "[[[[[", "<a<b<c",
	} {
		f.Add("application/json", body)
		f.Add("text/xml", body)
		f.Add("text/html", body)
	}
	f.Fuzz(func(t *testing.T, media, body string) {
		got := classify(responseOf(media, body))
		switch got {
		case contentPlain, contentRefusal, contentError, contentAlive, contentBlank:
		default:
			t.Errorf("%q", got)
		}
		if again := classify(responseOf(media, body)); again != got {
			t.Errorf("%q, and then %q", got, again)
		}
	})
}

// BenchmarkClassify reads bodies as long as they are ever read.
func BenchmarkClassify(b *testing.B) {
	for name, r := range map[string]*httpclient.Response{
		"json": responseOf(jsonType, `{"list":[`+strings.TrimSuffix(strings.Repeat(charges+",", httpclient.BodyMax/len(charges)-1), ",")+`]}`),
		"html": responseOf("text/html", strings.Repeat("<form title=", httpclient.BodyMax/12)),
		"xml":  responseOf("text/xml", "<envelope>"+strings.Repeat("<error/>", httpclient.BodyMax/8-2)),
		"text": responseOf(jsonType, `{"message":"`+strings.Repeat("no ", httpclient.BodyMax/3-6)+`"}`),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(r.Body)))
			b.ReportAllocs()
			for b.Loop() {
				classify(r)
			}
		})
	}
}
