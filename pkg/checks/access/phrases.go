package access

// role is what a field of an error is for.
type role int

const (
	roleNone    role = iota
	roleError        // holds the error, or says that there is one
	roleErrors       // holds a list of errors, as in GraphQL and JSON:API
	roleSuccess      // says whether the request succeeded
	roleAuth         // says whether the caller is known
	roleCode         // holds a status or a code
	roleMessage      // says it in words
	roleAbout        // says it in words, where something else says that there is an error
	roleWrap         // holds an object with any of these
)

// roles are the fields of errors, folded.
var roles = map[string]role{
	"error": roleError, "err": roleError, "fault": roleError, "exception": roleError,
	"errors": roleErrors,

	"success": roleSuccess, "ok": roleSuccess, "issuccess": roleSuccess, "succeeded": roleSuccess, "successful": roleSuccess,
	"authenticated": roleAuth, "authorized": roleAuth, "isauthenticated": roleAuth, "isauthorized": roleAuth,

	"code": roleCode, "status": roleCode, "statuscode": roleCode, "errorcode": roleCode, "errcode": roleCode,
	"httpstatus": roleCode, "httpcode": roleCode, "httpstatuscode": roleCode, "responsecode": roleCode,
	"resultcode": roleCode, "returncode": roleCode, "faultcode": roleCode, "retcode": roleCode,

	"message": roleMessage, "msg": roleMessage, "errormessage": roleMessage, "errmsg": roleMessage,
	"errordescription": roleMessage, "detail": roleMessage, "faultstring": roleMessage,
	"statusmessage": roleMessage, "statustext": roleMessage,
	"details": roleAbout, "reason": roleAbout, "description": roleAbout, "title": roleAbout,
	"developermessage": roleAbout, "usermessage": roleAbout, "type": roleAbout,

	"meta": roleWrap, "response": roleWrap, "header": roleWrap, "envelope": roleWrap, "body": roleWrap,
	"extensions": roleWrap, "result": roleWrap,
}

// companions stand beside the fields of an error, folded.
var companions = []string{
	"instance", "path", "method", "timestamp", "time", "date", "requestid", "traceid", "correlationid",
	"version", "apiversion", "moreinfo", "documentationurl", "helpurl", "data", "uri", "host", "locations",
}

// failures are codes in words by which an envelope says that it is one, folded.
var failures = []string{
	"error", "err", "fail", "failed", "failure", "ko", "nok", "notok",
	"badrequest", "invalidrequest", "internalerror", "notfound", "400", "404", "405", "422", "500",
}

// codes are those of refusals, folded: HTTP, gRPC and GraphQL servers, OAuth 2.0
// (RFC 6749 section 5.2, RFC 6750 section 3.1), cloud APIs.
var codes = []string{
	"401", "403", "unauthorized", "unauthorised", "unauthenticated", "forbidden", "permissiondenied", "accessdenied",
	"authenticationrequired", "authenticationfailed", "authenticationerror", "autherror", "authfailed", "authrequired",
	"authorizationrequired", "authorizationerror", "notauthorized", "notauthenticated", "loginrequired",
	"invalidtoken", "invalidaccesstoken", "tokeninvalid", "tokenexpired", "expiredtoken", "missingtoken", "tokenrequired",
	"invalidclient", "invalidcredentials", "invalidapikey", "apikeyinvalid", "missingapikey", "apikeyrequired",
	"insufficientscope", "insufficientpermissions", "invalidsignature", "signaturedoesnotmatch", "missingsignature",
	"invalidsessionid", "missingauthenticationtoken", "unauthorizedexception", "accessdeniedexception", "notloggedin",
}

// phrases are what refusals say, in lower case and with blanks for hyphens. Each
// names credentials or permission: "invalid" alone names nothing.
var phrases = []string{
	"unauthorized", "unauthorised", "unauthenticated", "not authorized", "not authorised", "not authenticated",
	"authentication required", "authentication is required", "authentication failed", "authentication credentials",
	"requires authentication", "authorization required", "authorization failed",
	"missing authorization", "missing authentication", "no authorization header", "authorization header is", "authorization header missing",
	"access denied", "access is denied", "accessdenied", "permission denied", "not permitted to access", "no permission",
	"403 forbidden", "is forbidden", "forbidden:", "are forbidden",
	"invalid token", "token is invalid", "token invalid", "token not found", "token expired", "token has expired", "token is expired",
	"expired token", "missing token", "no token", "token required", "token is required", "token is missing", "malformed token",
	"invalid access token", "invalid auth", "invalid credentials", "bad credentials", "wrong credentials", "missing credentials",
	"no credentials", "credentials required", "invalid api key", "invalid apikey", "missing api key", "no api key",
	"api key required", "api key is required", "api key missing", "api key is missing", "api key is invalid", "api key not found",
	"incorrect api key", "invalid key", "invalid signature", "missing signature", "signature does not match", "signature mismatch",
	"signature is invalid", "signature required", "login required", "please log in", "please login", "must be logged in",
	"must log in", "not logged in", "please sign in", "session expired", "invalid session", "insufficient scope", "insufficient permission",
	"jwt expired", "jwt malformed", "invalid jwt",
}

// greetings are the fields of documents that say that a service is there,
// folded.
var greetings = []string{
	"status", "health", "healthy", "state", "ok", "up", "alive", "ready", "pong", "ping",
	"message", "msg", "hello", "welcome", "name", "service", "application", "app", "title", "description",
	"version", "apiversion", "build", "commit", "revision", "release", "env", "environment", "region",
	"time", "timestamp", "date", "now", "uptime", "documentation", "docs", "documentationurl", "docsurl",
}

// alivePaths are last segments of paths that are there to be asked by anybody.
var alivePaths = []string{
	"health", "healthz", "healthcheck", "health-check", "_health", "livez", "live", "liveness", "readyz", "ready", "readiness",
	"alive", "ping", "heartbeat", "status", "up", "version", "_status", "hc",
}

// loginWords are parts of paths and host names of login pages.
var loginWords = []string{
	"login", "logon", "signin", "sign-in", "sign_in", "log-in", "auth", "authorize", "authenticate", "authentication",
	"oauth", "oauth2", "oidc", "sso", "saml", "saml2", "idp", "adfs", "cas", "session", "sessions", "accounts", "openid-connect",
}
