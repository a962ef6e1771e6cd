// Asking the service for a counter.
#include "pdh.h"

#include <stdlib.h>

void collection_free(collection *c)
{
    for (DWORD i = 0; i < c->count; i++)
        sim_free(c->readings[i].name);
    sim_free(c->readings);
    c->readings = NULL;
    c->count = 0;
}

// The service's codes are PDH's. Without a service the machine has no counters to give.
static LONG status_of(HRESULT code)
{
    switch (code) {
    case CODE_OUT_OF_MEMORY:
        return PDH_MEMORY_ALLOCATION_FAILURE;
    case CODE_SERVICE_NOT_AVAILABLE:
    case CODE_SERVICE_DISCONNECT:
        return PDH_CSTATUS_NO_MACHINE;
    }
    return code;
}

void counter_read(const char *path, collection *out)
{
    sim_request *request = sim_new("SimCounter");
    sim_reply *reply;

    memset(out, 0, sizeof *out);
    sim_add_utf8(request, path);
    HRESULT code = sim_call(request, SIM_ANY_EPOCH, &reply);
    out->status = status_of(code);
    if (SUCCEEDED(code) && reply && reply->count >= 2) {
        out->type = strtoul(sim_field(reply, 0), NULL, 10);
        out->time = strtoull(sim_field(reply, 1), NULL, 10);
        DWORD count = (reply->count - 2) / 2;
        out->readings = sim_alloc((count + 1) * sizeof *out->readings);
        for (DWORD i = 0; out->readings && i < count; i++) {
            reading *r = &out->readings[i];
            r->name = sim_wide(sim_field(reply, 2 + 2 * i));
            r->value = strtoull(sim_field(reply, 3 + 2 * i), NULL, 10);
            if (!r->name)
                break;
            out->count++;
        }
        if (out->count != count)
            out->status = PDH_MEMORY_ALLOCATION_FAILURE;
    }
    sim_reply_free(reply);
}
