package main

import "containerd-shim-hcs/test/conform/script"

// Case is one contract and the function that checks it.
type Case = script.Case[*T]

// T is one running case.
type T struct {
	*script.Test
	*Env
}

// suites are the lists of cases by the program's first argument.
var suites = map[string]func() []Case{
	"":        allCases,
	"long":    longCases,
	"restart": func() []Case { return restartCases },
	"soak":    func() []Case { return soakCases },
	"torture": func() []Case { return tortureCases },
	"upgrade": func() []Case { return upgradeCases },
}

// allCases is the script, in order. What was left behind is asked last.
func allCases() []Case {
	var all []Case
	for _, group := range [][]Case{
		runCasesList, outputCases, stdinCases, terminalCases, execCases, treeCases, killCases, deleteCases, stateCases, statsCases,
		eventCases, imageCases, specCases, limitCases, logCases, pauseCases, optionalCases, networkCases, manyCases, ctrCases, endCases,
	} {
		all = append(all, group...)
	}
	return all
}
