// HNSCall and GrantVmAccess.
#include "v1.h"

// The answer is an envelope that carries failures itself (hcs-api §7.2); a failing code means that there is none.
HCS_EXPORT HRESULT WINAPI HNSCall(PCWSTR method, PCWSTR path, PCWSTR body, PWSTR *answer)
{
    sim_request *request = sim_new("HNSCall");

    sim_add_text(request, method);
    sim_add_text(request, path);
    sim_add_text(request, body);
    return v1_code(sim_call_text(request, SIM_ANY_EPOCH, answer, NULL));
}

HCS_EXPORT HRESULT WINAPI GrantVmAccess(PCWSTR vm, PCWSTR path)
{
    sim_request *request = sim_new("GrantVmAccess");

    sim_add_text(request, vm);
    sim_add_text(request, path);
    return v1_code(sim_call(request, SIM_ANY_EPOCH, NULL));
}
