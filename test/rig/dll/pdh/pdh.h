// pdh.dll: performance counters, answered by the simulator (SimCounter of package wire). Functions, codes and layouts are those of "Performance
// Counters" in Microsoft's documentation (pdh.h, pdhmsg.h); the machine's counters and what they mean are the service's.
#ifndef PDH_PDH_H
#define PDH_PDH_H

#include "sim.h"

#define PDH_OK 0
#define PDH_CSTATUS_VALID_DATA 0
#define PDH_CSTATUS_NEW_DATA 1
#define PDH_CSTATUS_NO_MACHINE ((LONG)0x800007D0)
#define PDH_CSTATUS_NO_INSTANCE ((LONG)0x800007D1)
#define PDH_MORE_DATA ((LONG)0x800007D2)
#define PDH_NO_DATA ((LONG)0x800007D5)
#define PDH_CALC_NEGATIVE_VALUE ((LONG)0x800007D8)
#define PDH_CSTATUS_INVALID_DATA ((LONG)0xC0000BBA)
#define PDH_MEMORY_ALLOCATION_FAILURE ((LONG)0xC0000BBB)
#define PDH_INVALID_HANDLE ((LONG)0xC0000BBC)
#define PDH_INVALID_ARGUMENT ((LONG)0xC0000BBD)
#define PDH_INVALID_DATA ((LONG)0xC0000BC6)
#define PDH_NOT_IMPLEMENTED ((LONG)0xC0000BD3)

#define FORMAT_LONG 0x0100
#define FORMAT_DOUBLE 0x0200
#define FORMAT_LARGE 0x0400
#define FORMAT_NOSCALE 0x1000
#define FORMAT_1000 0x2000
#define FORMAT_NOCAP100 0x8000

// What a counter's type says how to show it (winperf.h).
#define TYPE_BULK_COUNT 0x10410500
#define TYPE_IDLE_TIMER 0x21510500

typedef struct pdh_value { // PDH_FMT_COUNTERVALUE
    LONG status;
    union {
        LONG number;
        double real;
        LONGLONG large;
    };
} pdh_value;

typedef struct pdh_item { // PDH_FMT_COUNTERVALUE_ITEM_W
    PWSTR name;
    pdh_value value;
} pdh_item;

typedef struct reading {
    PWSTR name;
    ULONGLONG value;
} reading;

// One collection of one counter.
typedef struct collection {
    LONG status; // of the service
    DWORD type;
    ULONGLONG time; // 100 ns
    DWORD count;
    reading *readings;
} collection;

typedef struct query query;

typedef struct counter {
    struct counter *next;
    query *query;
    char *path; // UTF-8
    BOOL collected;
    collection now, before;
} counter;

struct query {
    query *next;
    counter *counters;
};

// ---- query.c

// Both under the lock: whether a handle is an open query's or counter's.
extern SRWLOCK pdh_lock;
counter *counter_of(HANDLE handle);

// ---- read.c

// Asks the service; the status is in *out.
void counter_read(const char *path, collection *out);
void collection_free(collection *c);

// ---- value.c

// The value of a reading, as the format says. The counter has been collected.
void value_of(const counter *c, const reading *r, DWORD format, pdh_value *out);
BOOL needs_two(DWORD type);

#endif
