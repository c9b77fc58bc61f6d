package cmd

import (
	"reflect"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/session"
)

// siteLimits are what one client may take. What is not given has the hub's default.
type siteLimits struct {
	Message    *int `yaml:"message"`
	Unanswered *int `yaml:"unanswered"`
	Joined     *int `yaml:"joined"`
	PerSession *int `yaml:"per_session"`
	PerUser    *int `yaml:"per_user"`
	PerAddress *int `yaml:"per_address"`
	PerNode    *int `yaml:"per_node"`
	Rate       *int `yaml:"rate"`
	Burst      *int `yaml:"burst"`
	Services   *int `yaml:"services"`
	Signals    *int `yaml:"signals"`
	Page       *int `yaml:"page"`

	FailuresByAccount *int `yaml:"failures_by_account"`
	FailuresByAddress *int `yaml:"failures_by_address"`
}

// checkLimits notes what is too low for anybody to work, or higher than what is behind it.
func (p *siteProblems) checkLimits(l siteLimits) {
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		least := siteEntries["limits."+name].least
		if n := v.Field(i).Interface().(*int); n != nil && *n < least {
			p.add([]string{"limits", name}, "limits.%s has to be %d or more, not %d; leave it out for the default, %s", name, least, *n, siteEntries["limits."+name].standard)
		}
	}
	if most := channels.MaxEntryBytes; l.Message != nil && *l.Message > most {
		p.add([]string{"limits", "message"}, "limits.message cannot be more than %d bytes, which is what one change can have: keep large values elsewhere, and their address here", most)
	}
}

// limits are those of the hub; 0 is its default.
func (l siteLimits) limits() hub.Limits {
	return hub.Limits{
		Message: orDefault(l.Message, 0), Unanswered: orDefault(l.Unanswered, 0), Joined: orDefault(l.Joined, 0),
		PerSession: orDefault(l.PerSession, 0), PerUser: orDefault(l.PerUser, 0), PerAddress: orDefault(l.PerAddress, 0),
		PerNode: orDefault(l.PerNode, 0), Rate: orDefault(l.Rate, 0), Burst: orDefault(l.Burst, 0), Services: orDefault(l.Services, 0),
		Signals: orDefault(l.Signals, 0), Page: orDefault(l.Page, 0),
	}
}

// slow sets the limits of failed sign-ins.
func (l siteLimits) slow(t *session.Throttle) {
	t.PerAccount = orDefault(l.FailuresByAccount, t.PerAccount)
	t.PerAddress = orDefault(l.FailuresByAddress, t.PerAddress)
}

// filled are the limits with the defaults.
func (l siteLimits) filled() siteLimits {
	h, t := l.limits().Filled(), session.NewThrottle(nil, nil, nil)
	l.slow(t)
	return siteLimits{
		Message: &h.Message, Unanswered: &h.Unanswered, Joined: &h.Joined, PerSession: &h.PerSession, PerUser: &h.PerUser,
		PerAddress: &h.PerAddress, PerNode: &h.PerNode, Rate: &h.Rate, Burst: &h.Burst, Services: &h.Services, Signals: &h.Signals,
		Page: &h.Page, FailuresByAccount: &t.PerAccount, FailuresByAddress: &t.PerAddress,
	}
}
