// What a counter's raw values say, by its type: as they are, per second, or the busy part of the time.
#include "pdh.h"

BOOL needs_two(DWORD type)
{
    return type == TYPE_BULK_COUNT || type == TYPE_IDLE_TIMER;
}

static const reading *same_instance(const collection *c, const reading *r)
{
    for (DWORD i = 0; i < c->count; i++)
        if (!wcscmp(c->readings[i].name, r->name))
            return &c->readings[i];
    return NULL;
}

static LONG calculate(const counter *c, const reading *r, DWORD format, double *out)
{
    const collection *now = &c->now;
    const collection *before = &c->before;
    const reading *old;

    *out = (double)r->value;
    if (!needs_two(now->type))
        return PDH_CSTATUS_VALID_DATA;
    old = same_instance(before, r);
    if (!old || now->time <= before->time) {
        *out = 0;
        return PDH_CSTATUS_INVALID_DATA;
    }
    double passed = (double)(now->time - before->time);
    double grown = (double)r->value - (double)old->value;
    if (now->type == TYPE_BULK_COUNT) {
        *out = grown * 1e7 / passed;
        return grown < 0 ? PDH_CALC_NEGATIVE_VALUE : PDH_CSTATUS_VALID_DATA;
    }
    *out = 100 * (1 - grown / passed);
    if (*out < 0)
        *out = 0;
    if (*out > 100 && !(format & FORMAT_NOCAP100))
        *out = 100;
    return PDH_CSTATUS_VALID_DATA;
}

void value_of(const counter *c, const reading *r, DWORD format, pdh_value *out)
{
    double value;

    memset(out, 0, sizeof *out);
    out->status = calculate(c, r, format, &value);
    if (format & FORMAT_1000)
        value *= 1000;
    if (format & FORMAT_DOUBLE)
        out->real = value;
    else if (format & FORMAT_LARGE) // a large count keeps all its digits
        out->large = needs_two(c->now.type) || format & FORMAT_1000 ? (LONGLONG)value : (LONGLONG)r->value;
    else
        out->number = value > 2147483647.0 ? 2147483647 : (LONG)value;
}
