package flowmap

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// Unstated is the id of the system that stands for links whose inventory does
// not say who uses them. No id of an inventory looks like it.
const Unstated = "?"

// Map is what is drawn. Everything in it stands in the order of the inventory.
type Map struct {
	Report  *Source // nil when no report was given: then nothing is said about risk
	Systems []System
	Vendors []Vendor
	Links   []Link
}

// Source is the report that the risk was taken from.
type Source struct {
	Started     time.Time
	ToolVersion string
	ScoreModel  string
	Complete    bool
}

// System is one of our own systems.
type System struct {
	ID    string // Unstated for the one that nobody stated
	Name  string
	Owner string // empty when not stated
	Links int    // on this map
}

// Vendor is a third party.
type Vendor struct {
	ID          string
	Name        string
	Criticality inventory.Criticality
	Links       int   // on this map
	Risk        *Risk // nil when no report holds it
}

// Link is one connection between some of our systems and a vendor.
type Link struct {
	ID             string // "vendor/link"
	Name           string // the part after the slash
	Vendor         int    // place in Map.Vendors
	Systems        []int  // places in Map.Systems; never empty
	Kind           inventory.Kind
	URL            string // redacted
	Scheme         string
	Protocol       string // of the scheme, for people
	Encrypted      bool   // by TLS from the first byte, or by means of its own as SSH does
	Direction      inventory.Direction
	Classification inventory.Classification
	Formats        []string
	Payloads       []string
	Permissions    []string
	Auth           inventory.AuthType
	MTLS           inventory.MTLS
	Signature      inventory.SignatureScheme
	Risk           *Risk // nil when no report holds it
}

// Risk is what a report says of a link or a vendor.
type Risk struct {
	Grade    risk.Grade
	Coverage int // percent of what the rules weigh that was settled
	Band     risk.Band
	Residual *int                  // nil when the grade is "?"
	Open     map[risk.Severity]int // failed findings that nobody has accepted
	Waived   int                   // failed findings that somebody has
	Worst    *risk.Finding         // the most severe of the open ones; nil without any
}

// Edge is a link between one of our systems and its vendor. A link that
// several systems use is as many edges.
type Edge struct {
	From, To string // "system:ID" or "vendor:ID"; From opens the connection
	System   *System
	Vendor   *Vendor
	Link     *Link
}

// New makes the map of some links of an inventory, with the risk that a report
// states for them; r may be nil. Systems and vendors that have none of these
// links are left out unless links are all there are.
func New(inv *inventory.Inventory, r *report.Report, links []*inventory.Link) *Map {
	b := builder{systems: map[string]int{}, vendors: map[string]int{}, judged: judgedBy(r), m: &Map{Report: sourceOf(r)}}
	b.places(inv, links)
	b.m.Links = make([]Link, 0, len(links))
	for _, l := range links {
		b.add(l)
	}
	for i := range b.m.Vendors {
		b.m.Vendors[i].Risk = b.judged.vendors[b.m.Vendors[i].ID]
	}
	for i := range b.m.Links {
		l := &b.m.Links[i]
		if vendor := b.m.Vendors[l.Vendor].Risk; vendor != nil && l.Risk != nil {
			vendor.add(l.Risk)
		}
	}
	return b.m
}

// Edges yields the edges in the order of the links.
func (m *Map) Edges() iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		for i := range m.Links {
			l := &m.Links[i]
			for _, place := range l.Systems {
				if !yield(m.edge(l, place)) {
					return
				}
			}
		}
	}
}

func (m *Map) edge(l *Link, system int) Edge {
	e := Edge{System: &m.Systems[system], Vendor: &m.Vendors[l.Vendor], Link: l}
	e.From, e.To = "system:"+e.System.ID, "vendor:"+e.Vendor.ID
	if l.Direction == inventory.DirectionInbound {
		e.From, e.To = e.To, e.From
	}
	return e
}

// Unscanned lists the links that the report does not hold; none without one.
func (m *Map) Unscanned() []string {
	var missing []string
	for i := range m.Links {
		if m.Report != nil && m.Links[i].Risk == nil {
			missing = append(missing, m.Links[i].ID)
		}
	}
	return missing
}

// builder makes a Map.
type builder struct {
	m                *Map
	systems, vendors map[string]int // places, by id
	judged           *judged
}

// places decides which systems and vendors are drawn, and where.
func (b *builder) places(inv *inventory.Inventory, links []*inventory.Link) {
	uses, offers, unstated := map[string]int{}, map[string]int{}, 0
	for _, l := range links {
		offers[l.Vendor.ID]++
		for _, s := range l.UsedBy {
			uses[s.ID]++
		}
		if len(l.UsedBy) == 0 {
			unstated++
		}
	}
	everything := len(links) == len(inv.Links())
	for _, s := range inv.Systems {
		if everything || uses[s.ID] > 0 {
			b.systems[s.ID] = len(b.m.Systems)
			b.m.Systems = append(b.m.Systems, System{ID: s.ID, Name: nameOr(s.Name, s.ID), Owner: s.Owner, Links: uses[s.ID]})
		}
	}
	if unstated > 0 {
		b.systems[Unstated] = len(b.m.Systems)
		b.m.Systems = append(b.m.Systems, System{ID: Unstated, Name: "(no system stated)", Links: unstated})
	}
	for _, v := range inv.Vendors {
		if everything || offers[v.ID] > 0 {
			b.vendors[v.ID] = len(b.m.Vendors)
			b.m.Vendors = append(b.m.Vendors, Vendor{ID: v.ID, Name: nameOr(v.Name, v.ID), Criticality: v.Criticality, Links: offers[v.ID]})
		}
	}
}

func nameOr(name, id string) string {
	if strings.TrimSpace(name) == "" {
		return id
	}
	return name
}

func (b *builder) add(l *inventory.Link) {
	link := Link{
		ID: l.FullID(), Name: l.ID, Vendor: b.vendors[l.Vendor.ID], Kind: l.Kind, URL: l.DisplayURL(),
		Direction: l.Direction, Classification: l.Data.Classification, Formats: l.Data.Formats, Payloads: l.Data.Payloads,
		Permissions: l.Permissions, Auth: l.Auth.Type, MTLS: l.TLS.MTLS, Signature: l.Signature.Scheme,
		Risk: b.judged.links[l.FullID()],
	}
	link.Scheme = l.Target().Scheme
	if scheme, ok := inventory.LookupScheme(link.Scheme); ok {
		link.Protocol, link.Encrypted = scheme.Service, scheme.TLS || scheme.Sealed
	}
	for _, s := range l.UsedBy {
		if place := b.systems[s.ID]; !slices.Contains(link.Systems, place) {
			link.Systems = append(link.Systems, place)
		}
	}
	if len(link.Systems) == 0 {
		link.Systems = []int{b.systems[Unstated]}
	}
	b.m.Links = append(b.m.Links, link)
}
