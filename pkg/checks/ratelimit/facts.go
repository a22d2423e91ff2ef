package ratelimit

// Facts is the namespace "rate_limit": what the server says of its limit on
// requests, what it does about it, and how that compares with what was agreed.
//
// They are about the link's own credential where the inventory states one, for
// limits differ from client to client. Nobody can tell from outside whether
// other clients share the quota, or whether each of several servers has one of
// its own.
type Facts struct {
	Advertised     *bool    `json:"advertised,omitzero" doc:"the server states a limit on requests as a number, in a header"`
	PolicyFamily   *string  `json:"policy_family,omitzero" doc:"form of the header: draft-08 (and later), draft-07, draft-03 (to 06), kong, github, x-ratelimit, envoy or traefik (both without a number), or none"`
	Limit          *int     `json:"limit,omitzero" doc:"advertised requests in each window, of the policy that binds most"`
	WindowSeconds  *int     `json:"window_seconds,omitzero" doc:"window of the advertised limit, in seconds"`
	RemainingFalls *bool    `json:"remaining_falls,omitzero" doc:"the advertised remainder falls from request to request; false when it stands though it was due to fall"`
	AgreedRatio    *float64 `json:"advertised_ratio,omitzero" doc:"advertised rate over the agreed one: 2 is twice as many requests a second"`
	OverAgreed     *bool    `json:"advertised_over_agreed,omitzero" doc:"the advertised rate is higher than the agreed one"`

	Enforced   *bool    `json:"enforced,omitzero" doc:"requests were rejected or held back; false when a burst of 1.2 times the agreed number, or of more than the server said remained, came through without either"`
	InForce    *bool    `json:"in_force,omitzero" doc:"a limit is at work: it was enforced, or the advertised remainder falls; false when a burst showed that none is"`
	Shaped     *bool    `json:"shaped,omitzero" doc:"requests beyond a rate are held back and let go evenly instead of rejected"`
	ShapedRate *float64 `json:"shaped_rate,omitzero" doc:"requests a second that are let through when shaped"`
	Exceeded   *bool    `json:"exceeds_agreed,omitzero" doc:"clearly more requests than agreed came through within the agreed window, as a burst showed"`
	Below      *bool    `json:"below_agreed,omitzero" doc:"less than half of the agreed number is let through within the agreed window"`

	Status            *int    `json:"status,omitzero" doc:"HTTP status of a rejection for too many requests, such as 429 or 503"`
	RetryAfter        *bool   `json:"retry_after,omitzero" doc:"that rejection says when to come back, in Retry-After"`
	RetryAfterSeconds *int    `json:"retry_after_seconds,omitzero" doc:"seconds that Retry-After asks to wait, rounded up"`
	ProblemType       *string `json:"problem_type,omitzero" doc:"problem type of that rejection (RFC 9457): quota-exceeded, temporary-reduced-capacity, abnormal-usage-detected, other or none"`

	RejectedAt   *int `json:"rejected_at,omitzero" doc:"which request of the burst was rejected first, counted from 1"`
	RequestsSent *int `json:"requests_sent,omitzero" doc:"requests of bursts that were answered; zero when no burst was sent"`
}
