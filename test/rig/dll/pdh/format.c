// Formatted values: of one instance, and of all that a counter's path names.
#include "pdh.h"

// One of the three forms, with flags that are known.
static BOOL format_known(DWORD format)
{
    DWORD form = format & (FORMAT_LONG | FORMAT_DOUBLE | FORMAT_LARGE);
    DWORD rest = format & ~(DWORD)(FORMAT_LONG | FORMAT_DOUBLE | FORMAT_LARGE | FORMAT_NOSCALE | FORMAT_1000 | FORMAT_NOCAP100);

    return !rest && (form == FORMAT_LONG || form == FORMAT_DOUBLE || form == FORMAT_LARGE);
}

HCS_EXPORT LONG WINAPI PdhGetFormattedCounterValue(HANDLE handle, DWORD format, DWORD *type, pdh_value *out)
{
    LONG status = PDH_OK;

    if (!out || !format_known(format))
        return PDH_INVALID_ARGUMENT;
    AcquireSRWLockShared(&pdh_lock);
    const counter *c = counter_of(handle);
    if (!c)
        status = PDH_INVALID_HANDLE;
    else if (!c->collected || c->now.status || !c->now.count)
        status = PDH_INVALID_DATA;
    if (!status) {
        value_of(c, &c->now.readings[0], format, out);
        if (type)
            *type = c->now.type;
        if (out->status == PDH_CSTATUS_INVALID_DATA)
            status = PDH_INVALID_DATA;
        else if (out->status)
            status = out->status;
    } else if (c) {
        memset(out, 0, sizeof *out);
        out->status = c->collected ? c->now.status : PDH_CSTATUS_INVALID_DATA;
    }
    ReleaseSRWLockShared(&pdh_lock);
    return status;
}

static DWORD size_of(const collection *c)
{
    size_t size = c->count * sizeof(pdh_item);

    for (DWORD i = 0; i < c->count; i++)
        size += (wcslen(c->readings[i].name) + 1) * sizeof(WCHAR);
    return (DWORD)size;
}

static void fill(const counter *c, DWORD format, pdh_item *items)
{
    PWSTR text = (PWSTR)(items + c->now.count);

    for (DWORD i = 0; i < c->now.count; i++) {
        const reading *r = &c->now.readings[i];
        size_t length = wcslen(r->name) + 1;
        memcpy(text, r->name, length * sizeof(WCHAR));
        items[i].name = text;
        value_of(c, r, format, &items[i].value);
        text += length;
    }
}

// The names follow the items in the caller's buffer. A buffer that is too small, as one of size 0, is told the size.
HCS_EXPORT LONG WINAPI PdhGetFormattedCounterArrayW(HANDLE handle, DWORD format, DWORD *size, DWORD *count, pdh_item *items)
{
    LONG status = PDH_OK;

    if (!size || !count || !format_known(format) || (*size && !items))
        return PDH_INVALID_ARGUMENT;
    AcquireSRWLockShared(&pdh_lock);
    const counter *c = counter_of(handle);
    if (!c) {
        status = PDH_INVALID_HANDLE;
    } else if (!c->collected) {
        status = PDH_INVALID_DATA;
    } else if (c->now.status) {
        status = c->now.status;
    } else {
        DWORD need = size_of(&c->now);
        status = *size < need ? PDH_MORE_DATA : PDH_OK;
        if (!status)
            fill(c, format, items);
        *size = need;
        *count = c->now.count;
    }
    ReleaseSRWLockShared(&pdh_lock);
    return status;
}
