// Package host is hcs.Host on Windows, and what the command needs of the operating system besides: starting the serving process,
// directories that only administrators may open, locks that die with their process, and whether a process still lives. The last
// group exists on other systems too, so that what is built on it can be tested there.
package host
