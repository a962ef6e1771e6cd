package main

import (
	"containerd-shim-hcs/test/conform/script"
)

const noPause = "pause and resume are not implemented, peer-runhcs §2.1"

var peerNotes = map[string]script.Note{
	"output/slow-reader-gets-everything": {
		Text: "the rest of the output is dropped one second after the exit, peer-runhcs §9.4, §13.3 B14"},
	"output/slow-reader-of-an-exec-gets-everything": {
		Text: "the rest of the output is dropped one second after the exit, peer-runhcs §9.4, §13.3 B14"},
	"terminal/resize-before-start-is-kept": {
		Text: "a size told before the start is forgotten, peer-runhcs §2.1, §13.3 B13"},
	"ps/user-time-is-user-time": {
		Text: "user time is filled with kernel time, peer-runhcs §10.2, §13.3 B9"},
	"events/exec-exit-before-its-delete": {
		Text: "an exec counts as exited before its output has ended, so delete overtakes exit, peer-runhcs §2.1, §13.3 B12"},
	"spec/bad-annotation-refused-by-name": {
		Text: "an annotation of the wrong type is a warning, and the container runs without it, peer-runhcs §13.2 D9"},
	"limits/out-of-memory-once-before-the-exit": {
		Text: "nothing publishes TaskOOM, peer-runhcs §2.4, §13.2 D11"},
	"logs/file-gets-everything": {
		Text: "the only log URI is binary://, peer-runhcs §9.4"},
	"logs/program-gets-everything": {
		Text: "the logging program is killed with the streams, peer-runhcs §13.3 B11"},
	"logs/program-that-says-it-is-ready": {
		Text: "the only log URI is binary://, peer-runhcs §9.4"},
	"logs/program-of-an-exec": {
		Text: "the pipes of a container's and its execs' logging programs have the same names, peer-runhcs §13.3 B11"},
	"logs/program-that-fails-is-named": {
		Text: "a logging program that ends is waited for 10 s, and the reason is a timeout"},
	"tree/ends-with-the-kill-of-its-exec": {
		Text: "an exec's process is ended alone, user-needs N32"},
	"tree/ends-with-the-delete-of-its-exec": {
		Text: "an exec's process is ended alone, user-needs N32"},
	"tree/hears-a-term-for-all": {
		Text: "all reaches the processes that the shim started, peer-runhcs §2.1"},
	"tree/hears-a-term-by-annotation": {
		Text: "there is no such annotation, user-needs N9"},
	"tree/ends-at-once-with-kill-for-all": {
		Text: "what else runs in the container is waited for 30 s, peer-runhcs §2.4"},
	"pause/nothing-runs-until-resume": {Text: noPause},
	"pause/exec-refused-meanwhile":    {Text: noPause},
	"pause/term-arrives-after-resume": {Text: noPause},
	"pause/kill-needs-no-resume":      {Text: noPause},
	"pause/events-in-order":           {Text: noPause},
	"pause/only-of-what-runs":         {Text: noPause},
	"pause/by-ctr":                    {Text: noPause},
	"network/connect-while-it-runs": {
		Text: "an update changes limits only, peer-runhcs §6"},
	"ctr/inspect-runtime": {
		Text: "there is no -info command, peer-runhcs §1"},
	"limits/affinity-at-create-and-while-it-runs": {
		Text: "hcsshim v0.14.1 does not know affinity; later versions do, user-needs N15"},
	"limits/two-kinds-of-processor-limit-change-nothing": {
		Text: "the memory is changed before the processor is looked at, peer-runhcs §6.2"},
}
