package mutants

import "github.com/baton-hub/baton/tools/overlay"

// Mutants are all of them.
var Mutants = []Mutant{
	{
		Name: "acknowledged-too-early", Promise: "G1", Fault: "what is on its way into the log is acknowledged", scene: powerCut,
		edits: []overlay.Edit{overlay.Replace("channels/loop.go",
			"\tl.flight.publish(ctx, s, l.flight.data)\n}",
			"\tl.flight.publish(ctx, s, l.flight.data)\n\tif mutant(\"acknowledged-too-early\") {\n\t\tb.answer()\n\t}\n}")},
	},
	{
		Name: "operations-forgotten", Promise: "G2", Fault: "an operation that was done is not remembered", scene: sentAgain,
		edits: []overlay.Edit{overlay.Replace("channels/ops.go",
			"if c == nil {\n\t\treturn nil, nil", "if c == nil || mutant(\"operations-forgotten\") {\n\t\treturn nil, nil")},
	},
	{
		Name: "operations-without-bodies", Promise: "G2", Fault: "an operation is remembered by its id alone", scene: sentAgain,
		edits: []overlay.Edit{overlay.Replace("channels/ops.go",
			"case found && c.Done[i].Hash != hash:", "case found && c.Done[i].Hash != hash && !mutant(\"operations-without-bodies\"):")},
	},
	{
		Name: "fence-off", Promise: "G4", Fault: "the operator may write under a former term", scene: handedBack,
		edits: []overlay.Edit{overlay.Replace("session/record.go",
			"case term != seat.Term:", "case term != seat.Term && !mutant(\"fence-off\"):")},
	},
}
