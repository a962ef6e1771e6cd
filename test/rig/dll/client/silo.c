// The job objects of silos. They are no part of the HCS ABI: the hook (hook_silo.c) calls these when a program opens one by its name.
#include <stdio.h>

#include "client.h"

SIM_API HRESULT sim_silo_open(PCWSTR id)
{
    sim_request *request = sim_new("NtOpenJobObject");

    sim_add_text(request, id);
    return sim_call(request, SIM_ANY_EPOCH, NULL);
}

static HRESULT set(PCWSTR id, const char *class, const char *value)
{
    sim_request *request = sim_new("NtSetInformationJobObject");

    sim_add_text(request, id);
    sim_add_utf8(request, class);
    sim_add_utf8(request, value);
    return sim_call(request, SIM_ANY_EPOCH, NULL);
}

SIM_API HRESULT sim_silo_freeze(PCWSTR id, BOOL frozen) { return set(id, "freeze", frozen ? "true" : "false"); }

SIM_API HRESULT sim_silo_affinity(PCWSTR id, const GROUP_AFFINITY *groups, UINT32 count)
{
    char text[2048] = "[";
    size_t used = 1;

    for (UINT32 i = 0; i < count && used < sizeof text; i++)
        used += snprintf(text + used, sizeof text - used, "%s{\"group\":%u,\"mask\":%llu}", i ? "," : "", groups[i].Group,
                         (unsigned long long)groups[i].Mask);
    if (used + 2 > sizeof text)
        return CODE_INVALID_ARGUMENT;
    text[used] = ']';
    text[used + 1] = 0;
    return set(id, "groups", text);
}
