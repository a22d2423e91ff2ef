package kafka

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// anonymous finds out what a client without a login may do. It does so on a
// connection of its own: the one that was refused a mechanism is closed.
func (v *visit) anonymous(ctx context.Context) {
	if v.Certified() {
		v.Absent("rights", "a client without credentials is refused")
		if v.login != nil && *v.login && channel.HasLogin(v.Visit.Link()) {
			return // the certificate is half of a login, which is used whole
		}
	}
	k, err := v.open(ctx)
	if err != nil {
		v.unknown(err, "anonymous", "rights", "advertised_hosts")
		return
	}
	defer v.close(k)
	meta, err := k.metadata(false)
	switch {
	case err == nil:
		prefix, rights := v.LetIn()
		v.Visit.Evidence("kafka", "Metadata is answered without a SASL login")
		v.Facts.AdvertisedHosts = others(meta.Brokers, v.Visit.Target())
		v.rights(k, meta, prefix, rights)
	case hungUp(err) && v.login != nil && *v.login:
		v.Visit.Evidence("kafka", "Metadata without a login: the connection is closed")
		v.TurnedAway()
		v.Absent("rights", "a client without credentials is refused")
		v.Absent("advertised_hosts", "the broker names hosts to its clients alone")
	default:
		v.unknown(err, "anonymous", "rights", "advertised_hosts")
	}
}

// unknown records one reason for several facts.
func (v *visit) unknown(err error, facts ...string) {
	for _, fact := range facts {
		v.Visit.Unknown(fact, err)
	}
}

// versionOfRights is the one version of Metadata that tells a client's rights on
// the cluster (KIP-430) and is not flexible; see [decode].
const versionOfRights = 8

// metadata asks for the brokers of the cluster, and for one's own rights: on the
// cluster and of no topic, or on every topic that one may see. In version 0 no
// topic meant all of them, so it is never used.
func (k *session) metadata(topics bool) (*kmsg.MetadataResponse, error) {
	req, resp := kmsg.NewPtrMetadataRequest(), kmsg.NewPtrMetadataResponse()
	req.Version, req.AllowAutoTopicCreation = versionOfRights, false
	req.Topics = []kmsg.MetadataRequestTopic{}
	req.IncludeClusterAuthorizedOperations = true
	least := int16(1)
	if topics {
		req.Topics, req.IncludeTopicAuthorizedOperations, req.IncludeClusterAuthorizedOperations = nil, true, false
		least = versionOfRights
	}
	if err := k.exchange(req, least, resp); err != nil {
		return nil, err
	}
	k.throttle = max(k.throttle, resp.ThrottleMillis)
	return resp, nil
}

// operations is a set of operations that a client may do, a bit for each by its
// number (KIP-430). It is unset when the broker did not say.
type operations int32

const operationsUnset = operations(math.MinInt32)

func (o operations) has(op kmsg.ACLOperation) bool { return o&(1<<op) != 0 }

// admin reports operations on the cluster that only its administrator needs:
// ALTER changes its access rules, ALTER_CONFIGS its configuration, and
// CLUSTER_ACTION is what a broker may do.
func (o operations) admin() bool {
	return o.has(kmsg.ACLOperationAlter) || o.has(kmsg.ACLOperationAlterConfigs) || o.has(kmsg.ACLOperationClusterAction)
}

func (o operations) String() string {
	var names []string
	for op := kmsg.ACLOperationRead; op <= kmsg.ACLOperationIdempotentWrite; op++ {
		if o.has(op) {
			names = append(names, op.String())
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, " ")
}

// rights finds out what the client of a session may do, from what the broker
// says of it. prefix is how its facts begin. What each answer proves:
//
//   - DescribeAcls, error 54: there is no authorizer, everyone may do everything.
//   - Operations on the cluster: ALTER, ALTER_CONFIGS or CLUSTER_ACTION make an
//     administrator, and without any of them there is none. CLUSTER_ACTION also
//     reads every topic, as a follower does. The others say nothing of topics.
//   - DescribeAcls, error 31, where the operations are not told: who may not
//     even look at the rules may not change them, and is no administrator.
//     Rules that are told are no proof of more than that one may look.
//   - Operations on topics, at level active: see [visit.topics].
func (v *visit) rights(k *session, meta *kmsg.MetadataResponse, prefix string, to *channel.Rights) {
	cluster := operations(meta.AuthorizedOperations)
	if cluster != operationsUnset {
		v.Visit.Evidence("kafka", prefix+"cluster operations: "+cluster.String())
		to.Admin, to.Proof = new(cluster.admin()), new("introspection")
		if cluster.has(kmsg.ACLOperationClusterAction) {
			to.SubscribeAll = new(true)
		}
	}
	code, err := k.describeACLs()
	if err == nil {
		v.Visit.Evidence("kafka", fmt.Sprintf("%sDescribeAcls: error %d", prefix, code))
	}
	switch {
	case err == nil && code == codeSecurityDisabled:
		to.SubscribeAll, to.Publish, to.Admin, to.Proof = new(true), new(true), new(true), new("introspection")
		return
	case to.Admin != nil:
	case err != nil:
		v.Visit.Unknown(prefix+"admin", err)
	case code == codeClusterDenied:
		to.Admin, to.Proof = new(false), new("denial")
	default:
		v.Visit.UnknownReason(prefix+"admin", checks.ReasonAmbiguous, fmt.Sprintf("the broker does not tell rights on the cluster, and DescribeAcls ends with error %d", code))
	}
	v.topics(k, prefix, to)
	if to.Proof == nil {
		v.Visit.UnknownReason(prefix+"proof", checks.ReasonAmbiguous, "no right could be learned")
	}
}

// describeACLs asks for the access rules of the cluster itself that name the
// anonymous user, and returns the error code. The rules are not looked at.
func (k *session) describeACLs() (int16, error) {
	req, resp := kmsg.NewPtrDescribeACLsRequest(), kmsg.NewPtrDescribeACLsResponse()
	req.Version = 1
	req.ResourceType, req.ResourceName = kmsg.ACLResourceTypeCluster, new("kafka-cluster")
	req.ResourcePatternType = kmsg.ACLResourcePatternTypeLiteral
	req.Principal = new("User:ANONYMOUS")
	req.Operation, req.PermissionType = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	if err := k.exchange(req, 0, resp); err != nil {
		return 0, err
	}
	k.throttle = max(k.throttle, resp.ThrottleMillis)
	return resp.ErrorCode, nil
}

// topics counts what the client may do with the topics that it may see, whose
// names come with the answer and are dropped. Who may write to a topic, or read
// it, may see it: none that is writable means that none is. Others may be
// hidden, so that reading all that are shown is reading everything only where
// the broker's own topics are among them: nothing but a rule for all has those.
func (v *visit) topics(k *session, prefix string, to *channel.Rights) {
	if !v.Visit.Level().Allows(checks.Active) {
		const why = "rights on topics come with their names, and are asked for at level active"
		v.Visit.UnknownReason(prefix+"subscribe_all", checks.ReasonNotTested, why)
		v.Visit.UnknownReason(prefix+"publish", checks.ReasonNotTested, why)
		return
	}
	meta, err := k.metadata(true)
	if err != nil {
		v.unknown(err, prefix+"subscribe_all", prefix+"publish")
		return
	}
	shown := tallyOf(meta.Topics)
	v.Visit.Evidence("kafka", fmt.Sprintf("%s%d topics are shown, %d of them readable, %d writable", prefix, shown.all, shown.readable, shown.writable))
	if shown.all == 0 || shown.unset > 0 {
		const why = "the broker shows no topic with its rights"
		v.Visit.UnknownReason(prefix+"subscribe_all", checks.ReasonAmbiguous, why)
		v.Visit.UnknownReason(prefix+"publish", checks.ReasonAmbiguous, why)
		return
	}
	to.Publish, to.Proof = new(shown.writable > 0), new("introspection")
	switch {
	case to.SubscribeAll != nil:
	case shown.readable < shown.all:
		to.SubscribeAll = new(false)
	case shown.internal > 0:
		to.SubscribeAll = new(true)
	default:
		v.Visit.UnknownReason(prefix+"subscribe_all", checks.ReasonAmbiguous, "every topic that is shown may be read, but others may be hidden")
	}
}

// tally counts topics by what a client may do with them.
type tally struct{ all, unset, internal, readable, writable int }

func tallyOf(topics []kmsg.MetadataResponseTopic) tally {
	n := tally{all: len(topics)}
	for _, topic := range topics {
		may := operations(topic.AuthorizedOperations)
		if may == operationsUnset {
			n.unset++
			continue
		}
		if topic.IsInternal {
			n.internal++
		}
		if may.has(kmsg.ACLOperationRead) {
			n.readable++
		}
		if may.has(kmsg.ACLOperationWrite) {
			n.writable++
		}
	}
	return n
}
