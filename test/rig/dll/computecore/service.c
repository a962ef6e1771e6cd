// The exports about the service and files: synchronous, one request each. What the simulator does not model is the service's to
// refuse, so that the journal shows the attempt.
#include "core.h"

static HRESULT forward(const char *name, PCWSTR first, PCWSTR second, PWSTR *result)
{
    sim_request *request = sim_new(name);

    sim_add_text(request, first);
    if (second)
        sim_add_text(request, second);
    return sim_call_text(request, SIM_ANY_EPOCH, result, NULL);
}

// One out text serves for the answer and for the error document.
static HRESULT about_service(const char *name, PCWSTR text, PWSTR *result)
{
    PWSTR answer;
    PWSTR error;
    sim_request *request = sim_new(name);

    sim_add_utf8(request, ABI);
    sim_add_text(request, text);
    HRESULT code = sim_call_text(request, SIM_ANY_EPOCH, &answer, &error);
    PWSTR text_out = answer ? answer : error;
    if (result)
        *result = text_out;
    else
        sim_free(text_out);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsGetServiceProperties(PCWSTR query, PWSTR *result)
{
    return about_service("HcsGetServiceProperties", query, result);
}

HCS_EXPORT HRESULT WINAPI HcsModifyServiceSettings(PCWSTR settings, PWSTR *result)
{
    return about_service("HcsModifyServiceSettings", settings, result);
}

HCS_EXPORT HRESULT WINAPI HcsSubmitWerReport(PCWSTR settings)
{
    return forward("HcsSubmitWerReport", settings, NULL, NULL);
}

HCS_EXPORT HRESULT WINAPI HcsGrantVmAccess(PCWSTR vm, PCWSTR path)
{
    return forward("GrantVmAccess", vm, path ? path : L"", NULL);
}

HCS_EXPORT HRESULT WINAPI HcsRevokeVmAccess(PCWSTR vm, PCWSTR path)
{
    return forward("HcsRevokeVmAccess", vm, path ? path : L"", NULL);
}

HCS_EXPORT HRESULT WINAPI HcsGrantVmGroupAccess(PCWSTR path)
{
    return forward("HcsGrantVmGroupAccess", path, NULL, NULL);
}

HCS_EXPORT HRESULT WINAPI HcsRevokeVmGroupAccess(PCWSTR path)
{
    return forward("HcsRevokeVmGroupAccess", path, NULL, NULL);
}

HCS_EXPORT HRESULT WINAPI HcsCreateEmptyGuestStateFile(PCWSTR path)
{
    return forward("HcsCreateEmptyGuestStateFile", path, NULL, NULL);
}

HCS_EXPORT HRESULT WINAPI HcsCreateEmptyRuntimeStateFile(PCWSTR path)
{
    return forward("HcsCreateEmptyRuntimeStateFile", path, NULL, NULL);
}

HCS_EXPORT HRESULT WINAPI HcsGetProcessorCompatibilityFromSavedState(PCWSTR path, PWSTR *result)
{
    return forward("HcsGetProcessorCompatibilityFromSavedState", path, NULL, result);
}

// Live migration: operations without a type of their own [assumed].

HCS_EXPORT HRESULT WINAPI HcsInitializeLiveMigrationOnSource(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)
{
    return system_operation(system, operation, OPERATION_NONE, "HcsInitializeLiveMigrationOnSource", options, SUBMIT_ACCEPT);
}

HCS_EXPORT HRESULT WINAPI HcsStartLiveMigrationOnSource(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)
{
    return system_operation(system, operation, OPERATION_NONE, "HcsStartLiveMigrationOnSource", options, SUBMIT_ACCEPT);
}

HCS_EXPORT HRESULT WINAPI HcsStartLiveMigrationTransfer(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)
{
    return system_operation(system, operation, OPERATION_NONE, "HcsStartLiveMigrationTransfer", options, SUBMIT_ACCEPT);
}

HCS_EXPORT HRESULT WINAPI HcsFinalizeLiveMigration(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)
{
    return system_operation(system, operation, OPERATION_NONE, "HcsFinalizeLiveMigration", options, SUBMIT_ACCEPT);
}

HCS_EXPORT HRESULT WINAPI HcsCancelLiveMigration(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)
{
    return system_operation(system, operation, OPERATION_NONE, "HcsCancelLiveMigration", options, SUBMIT_ACCEPT);
}
