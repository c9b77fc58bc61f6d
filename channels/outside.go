package channels

// OutsideEdit is a write that somebody made past the hub, in the backend that keeps a store, too. It is allowed what a
// service is.
type OutsideEdit struct {
	By    string             // the account it goes under, which the Proposal has as its User, too
	Fence func(*Draft) error // Optional. Refuses when the node that proposes it does not keep the backend any more.
	Write Write
}

// Decide is the Decide of an OutsideEdit.
func (o OutsideEdit) Decide(d *Draft) (any, error) {
	if o.Fence != nil {
		if err := o.Fence(d); err != nil {
			return nil, err
		}
	}
	who := Who{ID: o.By, User: o.By, Name: o.By, Roles: []string{RoleService}}
	if rules, ok := d.Rules().Channels[o.Write.Channel]; ok && !Permits(rules.Write, who) {
		return nil, Refuse(CodeForbidden, "%s is written by %v only: add service to its write, or edit it through the hub", o.Write.Channel, rules.Write)
	}
	d.who, d.known = who, true
	return o.Write.Decide(d)
}
