package main

import (
	"math"
	"unsafe"

	"golang.org/x/sys/windows"
)

var pdh = windows.NewLazySystemDLL("pdh.dll")

// Codes of pdhmsg.h, formats of pdh.h.
const (
	pdhMoreData      = 0x800007D2
	pdhNoData        = 0x800007D5
	pdhNegative      = 0x800007D8
	pdhNoInstance    = 0x800007D1
	pdhNoCounter     = 0xC0000BB9
	pdhCStatusData   = 0xC0000BBA
	pdhInvalidHandle = 0xC0000BBC
	pdhInvalidArg    = 0xC0000BBD
	pdhInvalidData   = 0xC0000BC6

	pdhLong, pdhDouble, pdhLarge, pdhNoCap = 0x100, 0x200, 0x400, 0x8000
)

// Types of counters, decimal as on the wire.
const (
	typeLarge = "65792"     // 0x00010100
	typeBulk  = "272696576" // 0x10410500
	typeIdle  = "558957824" // 0x21510500
)

type pdhValue struct {
	status uint32
	_      uint32
	bits   uint64
}

type pdhItem struct {
	name  *uint16
	value pdhValue
}

// pdhQuery is a query with one counter.
type pdhQuery struct {
	query, counter *outHandle
}

func openPdh(c *check, path string) pdhQuery {
	q := pdhQuery{newOutHandle(), newOutHandle()}
	equal(c, call(pdh, "PdhOpenQuery", 0, 0, q.query.arg()), 0, "open")
	equal(c, call(pdh, "PdhAddEnglishCounterW", q.query.h, text(path), 0, q.counter.arg()), 0, "add "+path)
	equal(c, c.fake.last(c, "SimCounter"), "SimCounter "+path, "request")
	return q
}

func (q pdhQuery) collect(c *check) {
	equal(c, call(pdh, "PdhCollectQueryData", q.query.h), 0, "collect")
}

func (q pdhQuery) close(c *check) { equal(c, call(pdh, "PdhCloseQuery", q.query.h), 0, "close") }

// value is a formatted one.
func (q pdhQuery) value(format uintptr) (uint32, *pdhValue) {
	v := &pdhValue{}
	return call(pdh, "PdhGetFormattedCounterValue", q.counter.h, format, 0, pin(v)), v
}

// items are all instances, read as the kubelet does: first their size.
func (q pdhQuery) items(c *check, format uintptr) []pdhItem {
	var size, count uint32
	first := new([1]pdhItem)
	equal(c, call(pdh, "PdhGetFormattedCounterArrayW", q.counter.h, format, pin(&size), pin(&count), pin(first)), pdhMoreData, "size")
	buffer := make([]pdhItem, int(size)/int(unsafe.Sizeof(pdhItem{}))+1)
	few := size - 1
	equal(c, call(pdh, "PdhGetFormattedCounterArrayW", q.counter.h, format, pin(&few), pin(&count), pin(&buffer[0])), pdhMoreData, "a size too small")
	equal(c, few, size, "size")
	equal(c, call(pdh, "PdhGetFormattedCounterArrayW", q.counter.h, format, pin(&size), pin(&count), pin(&buffer[0])), 0, "items")
	return buffer[:count]
}

func pdhRaw(c *check) {
	c.fake.always("SimCounter", ok(typeLarge, "1000", "", "12345678901"))
	q := openPdh(c, `\Memory\Committed Bytes`)
	code, _ := q.value(pdhDouble)
	equal(c, code, pdhInvalidData, "value before it is collected")
	q.collect(c)
	code, v := q.value(pdhDouble)
	equal(c, code, 0, "value")
	equal(c, math.Float64frombits(v.bits), 12345678901, "as a double")
	code, v = q.value(pdhLarge)
	equal(c, code, 0, "value")
	equal(c, v.bits, 12345678901, "as a large number")
	code, v = q.value(pdhLong)
	equal(c, code, 0, "value")
	equal(c, uint32(v.bits), math.MaxInt32, "as a number that cannot hold it")
	for _, format := range []uintptr{0, pdhLong | pdhDouble, pdhDouble | 1} {
		code, _ = q.value(format)
		equal(c, code, pdhInvalidArg, "format")
	}
	items := q.items(c, pdhDouble)
	equal(c, len(items), 1, "items of an object without instances")
	equal(c, windows.UTF16PtrToString(items[0].name), "", "name")
	q.close(c)
	code, _ = q.value(pdhDouble)
	equal(c, code, pdhInvalidHandle, "value of a counter that is gone")
	equal(c, call(pdh, "PdhCloseQuery", q.query.h), pdhInvalidHandle, "second close")
	equal(c, call(pdh, "PdhCollectQueryData", q.query.h), pdhInvalidHandle, "collect after the close")
}

func pdhRates(c *check) {
	c.fake.always("SimCounter", ok(typeBulk, "10000000", "a", "100", "b", "50"))
	q := openPdh(c, `\Network Adapter(*)\Bytes Sent/sec`)
	q.collect(c)
	for _, i := range q.items(c, pdhDouble) {
		equal(c, i.value.status, pdhCStatusData, "status after one collection")
	}
	code, _ := q.value(pdhDouble)
	equal(c, code, pdhInvalidData, "value after one collection")
	// Two seconds later; b has fallen, and c is new.
	c.fake.always("SimCounter", ok(typeBulk, "30000000", "a", "160", "b", "40", "c", "7"))
	q.collect(c)
	items := q.items(c, pdhDouble)
	equal(c, len(items), 3, "items")
	for i, want := range []struct {
		name   string
		status uint32
		value  float64
	}{{"a", 0, 30}, {"b", pdhNegative, -5}, {"c", pdhCStatusData, 0}} {
		equal(c, windows.UTF16PtrToString(items[i].name), want.name, "name")
		equal(c, items[i].value.status, want.status, "status of "+want.name)
		equal(c, math.Float64frombits(items[i].value.bits), want.value, "value of "+want.name)
	}
	q.close(c)

	c.fake.always("SimCounter", ok(typeIdle, "10000000", "_Total", "5000000"))
	q = openPdh(c, `\Processor(_Total)\% Processor Time`)
	q.collect(c)
	for _, step := range []struct {
		time, idle string
		want       float64
	}{{"20000000", "10000000", 50}, {"30000000", "20000000", 0}, {"40000000", "20000000", 100}, {"50000000", "19999999", 100}} {
		c.fake.always("SimCounter", ok(typeIdle, step.time, "_Total", step.idle))
		q.collect(c)
		code, v := q.value(pdhDouble)
		equal(c, code, 0, "value")
		equal(c, math.Float64frombits(v.bits), step.want, "percent at "+step.time)
	}
	_, v := q.value(pdhDouble | pdhNoCap)
	if f := math.Float64frombits(v.bits); f <= 100 {
		c.fatalf("not capped it is %v", f)
	}
	q.close(c)
}

func pdhRefusals(c *check) {
	q, h := newOutHandle(), newOutHandle()
	equal(c, call(pdh, "PdhOpenQueryW", 0, 0, 0), pdhInvalidArg, "open without a place")
	equal(c, call(pdh, "PdhOpenQueryW", 0, 0, q.arg()), 0, "open")
	equal(c, call(pdh, "PdhCollectQueryData", q.h), pdhNoData, "collect nothing")
	equal(c, call(pdh, "PdhAddCounterW", 0xdead, text(`\a\b`), 0, h.arg()), pdhInvalidHandle, "add to no query")
	equal(c, call(pdh, "PdhAddCounterW", q.h, 0, 0, h.arg()), pdhInvalidArg, "add no path")
	c.fake.always("SimCounter", refuse(pdhNoCounter, ""))
	equal(c, call(pdh, "PdhAddCounterW", q.h, text(`\Memory\Fuel`), 0, h.arg()), pdhNoCounter, "add what is not there")
	equal(c, call(pdh, "PdhValidatePathW", text(`\Memory\Fuel`)), pdhNoCounter, "validate what is not there")
	// An instance may come later.
	c.fake.always("SimCounter", refuse(pdhNoInstance, ""))
	equal(c, call(pdh, "PdhValidatePathW", text(`\Process(x)\y`)), pdhNoInstance, "validate an instance that is not there")
	equal(c, call(pdh, "PdhAddCounterW", q.h, text(`\Process(x)\y`), 0, h.arg()), 0, "add an instance that is not there")
	equal(c, call(pdh, "PdhCollectQueryData", q.h), pdhNoInstance, "collect it")
	c.fake.always("SimCounter", ok(typeLarge, "1", "x", "5"))
	equal(c, call(pdh, "PdhCollectQueryData", q.h), 0, "collect it when it is there")
	v := &pdhValue{}
	equal(c, call(pdh, "PdhGetFormattedCounterValue", h.h, pdhLarge, 0, pin(v)), 0, "value")
	equal(c, v.bits, 5, "value")
	equal(c, call(pdh, "PdhRemoveCounter", h.h), 0, "remove")
	equal(c, call(pdh, "PdhRemoveCounter", h.h), pdhInvalidHandle, "remove again")
	equal(c, call(pdh, "PdhCloseQuery", q.h), 0, "close")
}
