// Queries, and the counters in them. A handle is looked up before it is used: a wrong one is PDH_INVALID_HANDLE.
#include "pdh.h"

SRWLOCK pdh_lock = SRWLOCK_INIT;
static query *queries;

static query *query_of(HANDLE handle)
{
    query *q = queries;

    while (q && q != handle)
        q = q->next;
    return q;
}

counter *counter_of(HANDLE handle)
{
    for (query *q = queries; q; q = q->next)
        for (counter *c = q->counters; c; c = c->next)
            if (c == handle)
                return c;
    return NULL;
}

static void counter_free(counter *c)
{
    collection_free(&c->now);
    collection_free(&c->before);
    sim_free(c->path);
    sim_free(c);
}

// There are no log files here, so that only the machine's own counters can be asked for.
HCS_EXPORT LONG WINAPI PdhOpenQueryW(PCWSTR source, DWORD_PTR user, HANDLE *handle)
{
    (void)user;
    if (!handle)
        return PDH_INVALID_ARGUMENT;
    if (source)
        return PDH_NOT_IMPLEMENTED;
    query *q = sim_alloc(sizeof *q);
    if (!q)
        return PDH_MEMORY_ALLOCATION_FAILURE;
    AcquireSRWLockExclusive(&pdh_lock);
    q->next = queries;
    queries = q;
    ReleaseSRWLockExclusive(&pdh_lock);
    *handle = q;
    return PDH_OK;
}

HCS_EXPORT LONG WINAPI PdhOpenQueryA(PCSTR source, DWORD_PTR user, HANDLE *handle)
{
    return source ? PDH_NOT_IMPLEMENTED : PdhOpenQueryW(NULL, user, handle);
}

HCS_EXPORT LONG WINAPI PdhOpenQuery(PCSTR source, DWORD_PTR user, HANDLE *handle)
{
    return PdhOpenQueryA(source, user, handle);
}

HCS_EXPORT LONG WINAPI PdhCloseQuery(HANDLE handle)
{
    AcquireSRWLockExclusive(&pdh_lock);
    query *q = query_of(handle);
    if (q) {
        query **at = &queries;
        while (*at != q)
            at = &(*at)->next;
        *at = q->next;
    }
    ReleaseSRWLockExclusive(&pdh_lock);
    if (!q)
        return PDH_INVALID_HANDLE;
    while (q->counters) {
        counter *c = q->counters;
        q->counters = c->next;
        counter_free(c);
    }
    sim_free(q);
    return PDH_OK;
}

// A path's status: a counter can be added before any of its instances is there.
static LONG look(const char *path)
{
    collection c;

    counter_read(path, &c);
    LONG status = c.status == PDH_CSTATUS_NO_INSTANCE ? PDH_OK : c.status;
    collection_free(&c);
    return status;
}

HCS_EXPORT LONG WINAPI PdhAddCounterW(HANDLE handle, PCWSTR path, DWORD_PTR user, HANDLE *out)
{
    (void)user;
    if (!path || !out)
        return PDH_INVALID_ARGUMENT;
    AcquireSRWLockShared(&pdh_lock);
    BOOL known = query_of(handle) != NULL;
    ReleaseSRWLockShared(&pdh_lock);
    if (!known)
        return PDH_INVALID_HANDLE;
    counter *c = sim_alloc(sizeof *c);
    if (!c || !(c->path = sim_utf8(path))) {
        sim_free(c);
        return PDH_MEMORY_ALLOCATION_FAILURE;
    }
    LONG status = look(c->path);
    AcquireSRWLockExclusive(&pdh_lock);
    query *q = query_of(handle);
    if (!status && !q)
        status = PDH_INVALID_HANDLE;
    if (!status) {
        c->query = q;
        c->next = q->counters;
        q->counters = c;
    }
    ReleaseSRWLockExclusive(&pdh_lock);
    if (status)
        counter_free(c);
    else
        *out = c;
    return status;
}

// The names are the English ones here.
HCS_EXPORT LONG WINAPI PdhAddEnglishCounterW(HANDLE handle, PCWSTR path, DWORD_PTR user, HANDLE *out)
{
    return PdhAddCounterW(handle, path, user, out);
}

HCS_EXPORT LONG WINAPI PdhRemoveCounter(HANDLE handle)
{
    AcquireSRWLockExclusive(&pdh_lock);
    counter *c = counter_of(handle);
    if (c) {
        counter **at = &c->query->counters;
        while (*at != c)
            at = &(*at)->next;
        *at = c->next;
    }
    ReleaseSRWLockExclusive(&pdh_lock);
    if (!c)
        return PDH_INVALID_HANDLE;
    counter_free(c);
    return PDH_OK;
}

// Takes part when at least one counter has data; else the first one's status is the query's.
HCS_EXPORT LONG WINAPI PdhCollectQueryData(HANDLE handle)
{
    LONG first = PDH_NO_DATA;
    BOOL any = FALSE;

    AcquireSRWLockExclusive(&pdh_lock);
    query *q = query_of(handle);
    for (counter *c = q ? q->counters : NULL; c; c = c->next) {
        collection_free(&c->before);
        c->before = c->now;
        counter_read(c->path, &c->now);
        c->collected = TRUE;
        any |= !c->now.status;
        if (first == PDH_NO_DATA)
            first = c->now.status;
    }
    ReleaseSRWLockExclusive(&pdh_lock);
    if (!q)
        return PDH_INVALID_HANDLE;
    return any ? PDH_OK : first;
}

HCS_EXPORT LONG WINAPI PdhValidatePathW(PCWSTR path)
{
    collection c;
    char *utf8;

    if (!path || !*path)
        return PDH_INVALID_ARGUMENT;
    utf8 = sim_utf8(path);
    if (!utf8)
        return PDH_MEMORY_ALLOCATION_FAILURE;
    counter_read(utf8, &c);
    sim_free(utf8);
    collection_free(&c);
    return c.status;
}
