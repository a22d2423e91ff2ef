package webhook

// Facts is the namespace "webhook": whether a receiver can be reached without
// TLS, and which calls it takes. What it takes is learned with the consent of
// its owner only. A receiver that acknowledges a call before it verifies it
// takes every call: these facts say what was answered, not what was done.
type Facts struct {
	PlaintextTwin *bool `json:"plaintext_twin,omitzero" doc:"the receiver also answers over plain HTTP, on port 80 of its address"`
	SecretInURL   *bool `json:"secret_in_url,omitzero" doc:"the URL of the inventory carries a secret in user information, query or a well-known path"`

	SignatureHasTimestamp *bool `json:"signature_has_timestamp,omitzero" doc:"the agreed scheme signs the time of the call; those that do not, such as GitHub's, leave replay to the receiver's memory"`

	ValidAccepted           *bool `json:"valid_accepted,omitzero" doc:"a rightly signed test event is answered with 2xx: without this, nothing else is learned of what is accepted"`
	UnsignedAccepted        *bool `json:"unsigned_accepted,omitzero" doc:"so is one without a signature"`
	BadSignatureAccepted    *bool `json:"bad_signature_accepted,omitzero" doc:"so is one signed with another key"`
	TamperedAccepted        *bool `json:"tampered_accepted,omitzero" doc:"so is one whose body was altered after it was signed"`
	ReplayAccepted          *bool `json:"replay_accepted,omitzero" doc:"so is one that was rightly signed ten minutes ago"`
	FutureTimestampAccepted *bool `json:"future_timestamp_accepted,omitzero" doc:"so is one that is rightly signed with a time ten minutes ahead"`
	DuplicateAccepted       *bool `json:"duplicate_accepted,omitzero" doc:"so is the valid one when it comes again, with the same id; a receiver may well take it and do nothing"`
}
