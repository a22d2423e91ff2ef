package inventory

// The enumerations of the inventory. Each is a string; the empty string means
// "not stated" and is never a valid value in a file. schema.json lists the
// same values, and a test holds the two together.
type (
	// Kind is the kind of a link. It follows from the list the link stands in.
	Kind string
	// Criticality says how much our business depends on a vendor.
	Criticality string
	// Direction says who opens the connection, seen from our side.
	Direction string
	// Classification is the class of the data that crosses a link.
	Classification string
	// AuthType says how a caller proves who it is.
	AuthType string
	// MTLS says whether a client certificate was agreed.
	MTLS string
	// SignatureScheme says how webhook calls are signed.
	SignatureScheme string
	// Control is a control that no probe can see from outside.
	Control string
	// Basis says what an attestation rests on.
	Basis string
	// Consent is one intrusive test that the owner of a link allows.
	Consent string
)

// Kinds of link.
const (
	KindEndpoint Kind = "endpoint"
	KindBroker   Kind = "broker"
	KindWebhook  Kind = "webhook"
)

// Criticalities, in rising order.
const (
	CriticalityLow      Criticality = "low"
	CriticalityMedium   Criticality = "medium"
	CriticalityHigh     Criticality = "high"
	CriticalityCritical Criticality = "critical"
)

// Directions.
const (
	DirectionOutbound Direction = "outbound"
	DirectionInbound  Direction = "inbound"
	DirectionBoth     Direction = "both"
)

// Classifications, in rising order.
const (
	ClassificationPublic       Classification = "public"
	ClassificationInternal     Classification = "internal"
	ClassificationConfidential Classification = "confidential"
	ClassificationRestricted   Classification = "restricted"
)

// Authentication types.
const (
	AuthNone   AuthType = "none" // stated as public, which is not the same as not stated
	AuthBasic  AuthType = "basic"
	AuthBearer AuthType = "bearer"
	AuthAPIKey AuthType = "api_key"
	AuthOAuth2 AuthType = "oauth2"
	AuthHMAC   AuthType = "hmac"
	AuthMTLS   AuthType = "mtls"
	AuthSASL   AuthType = "sasl"
)

// Agreements about client certificates.
const (
	MTLSNone     MTLS = "none"
	MTLSOptional MTLS = "optional"
	MTLSRequired MTLS = "required"
)

// Webhook signature schemes.
const (
	SignatureStandardWebhooks SignatureScheme = "standard-webhooks"
	SignatureStripe           SignatureScheme = "stripe"
	SignatureGitHub           SignatureScheme = "github"
	SignatureSlack            SignatureScheme = "slack"
	SignatureShopify          SignatureScheme = "shopify"
	SignatureSvix             SignatureScheme = "svix"
	SignatureHMAC             SignatureScheme = "hmac"
)

// Controls that are attested, not probed.
const (
	ControlEncryptionAtRest Control = "encryption_at_rest"
	ControlLogMonitoring    Control = "log_monitoring"
	ControlIncidentResponse Control = "incident_response"
	ControlLeastPrivilege   Control = "least_privilege"
	ControlBreachNotice     Control = "breach_notice"
)

// What an attestation rests on.
const (
	BasisSelf     Basis = "self"
	BasisContract Basis = "contract"
	BasisSOC2     Basis = "soc2_type2"
	BasisISO27001 Basis = "iso27001"
	BasisPentest  Basis = "pentest"
)

// Intrusive tests that need the consent of the link's owner.
const (
	ConsentSendTestEvent      Consent = "send_test_event"
	ConsentDefaultCredentials Consent = "default_credentials"
)
