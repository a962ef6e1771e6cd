// Compute systems: each export is one request of the wire under the same name.
#include "core.h"

static BOOL empty(PCWSTR text)
{
    return !text || !*text;
}

HCS_EXPORT HRESULT WINAPI HcsEnumerateComputeSystems(PCWSTR query, HCS_OPERATION handle)
{
    operation *op = operation_get(handle);
    HRESULT code = op ? operation_begin(op, OPERATION_ENUMERATE, NULL, NULL) : CODE_INVALID_HANDLE;

    if (SUCCEEDED(code)) {
        sim_request *request = sim_new("HcsEnumerateComputeSystems");
        sim_add_utf8(request, ABI);
        sim_add_text(request, query);
        code = operation_submit(op, request, SIM_ANY_EPOCH, SUBMIT_ACCEPT);
    }
    operation_release(op);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsCreateComputeSystem(PCWSTR id, PCWSTR configuration, HCS_OPERATION handle, const void *security,
                                                 HCS_SYSTEM *system)
{
    UINT32 epoch;

    if (!system || empty(id))
        return CODE_INVALID_ARGUMENT;
    *system = NULL;
    if (security)
        return CODE_NOT_IMPLEMENTED; // the simulator's systems have no owner to protect them from
    operation *op = operation_get(handle);
    if (!op)
        return CODE_INVALID_HANDLE;
    HANDLE made = NULL;
    HRESULT code = sim_connect(&epoch);
    subject *s = SUCCEEDED(code) ? subject_new(SIM_SYSTEM, epoch, &made) : NULL;
    if (SUCCEEDED(code) && !s)
        code = CODE_OUT_OF_MEMORY;
    if (SUCCEEDED(code))
        code = operation_begin(op, OPERATION_CREATE, s, NULL);
    if (SUCCEEDED(code)) {
        s->creating = TRUE;
        *system = made; // before the request: a callback may run before this returns
        sim_request *request = sim_new("HcsCreateComputeSystem");
        sim_add_utf8(request, ABI);
        sim_add_number(request, s->object.handle);
        sim_add_text(request, id);
        sim_add_text(request, configuration);
        code = operation_submit(op, request, epoch, SUBMIT_ACCEPT);
    }
    if (FAILED(code)) {
        *system = NULL;
        if (s)
            subject_abandon(made, SIM_SYSTEM);
    }
    subject_release(s);
    operation_release(op);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsOpenComputeSystem(PCWSTR id, DWORD access, HCS_SYSTEM *system)
{
    UINT32 epoch;

    (void)access; // every client is an administrator
    if (!system || empty(id))
        return CODE_INVALID_ARGUMENT;
    *system = NULL;
    HRESULT code = sim_connect(&epoch);
    if (FAILED(code))
        return code;
    HANDLE made;
    subject *s = subject_new(SIM_SYSTEM, epoch, &made);
    if (!s)
        return CODE_OUT_OF_MEMORY;
    sim_request *request = sim_new("HcsOpenComputeSystem");
    sim_add_utf8(request, ABI);
    sim_add_number(request, s->object.handle);
    sim_add_text(request, id);
    code = sim_call(request, epoch, NULL);
    if (SUCCEEDED(code))
        *system = made;
    else
        subject_abandon(made, SIM_SYSTEM);
    subject_release(s);
    return code;
}

// The simulator has the one namespace that goes without a name.
HCS_EXPORT HRESULT WINAPI HcsEnumerateComputeSystemsInNamespace(PCWSTR namespace, PCWSTR query, HCS_OPERATION operation)
{
    return empty(namespace) ? HcsEnumerateComputeSystems(query, operation) : CODE_NOT_IMPLEMENTED;
}

HCS_EXPORT HRESULT WINAPI HcsCreateComputeSystemInNamespace(PCWSTR namespace, PCWSTR id, PCWSTR configuration,
                                                            HCS_OPERATION operation, const void *options, HCS_SYSTEM *system)
{
    if (system)
        *system = NULL;
    if (!empty(namespace) || options)
        return CODE_NOT_IMPLEMENTED;
    return HcsCreateComputeSystem(id, configuration, operation, NULL, system);
}

HCS_EXPORT HRESULT WINAPI HcsOpenComputeSystemInNamespace(PCWSTR namespace, PCWSTR id, DWORD access, HCS_SYSTEM *system)
{
    if (system)
        *system = NULL;
    return empty(namespace) ? HcsOpenComputeSystem(id, access, system) : CODE_NOT_IMPLEMENTED;
}

HCS_EXPORT void WINAPI HcsCloseComputeSystem(HCS_SYSTEM system)
{
    subject_close(system, SIM_SYSTEM);
}

HCS_EXPORT HRESULT WINAPI HcsStartComputeSystem(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)
{
    return system_operation(system, operation, OPERATION_START, "HcsStartComputeSystem", options, SUBMIT_ACCEPT);
}

HCS_EXPORT HRESULT WINAPI HcsShutDownComputeSystem(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)
{
    return system_operation(system, operation, OPERATION_SHUTDOWN, "HcsShutDownComputeSystem", options, SUBMIT_EARLY_REFUSAL);
}

HCS_EXPORT HRESULT WINAPI HcsTerminateComputeSystem(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)
{
    return system_operation(system, operation, OPERATION_TERMINATE, "HcsTerminateComputeSystem", options, SUBMIT_EARLY_REFUSAL);
}

HCS_EXPORT HRESULT WINAPI HcsCrashComputeSystem(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)
{
    return system_operation(system, operation, OPERATION_CRASH, "HcsCrashComputeSystem", options, SUBMIT_ACCEPT);
}

HCS_EXPORT HRESULT WINAPI HcsPauseComputeSystem(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)
{
    return system_operation(system, operation, OPERATION_PAUSE, "HcsPauseComputeSystem", options, SUBMIT_ACCEPT);
}

HCS_EXPORT HRESULT WINAPI HcsResumeComputeSystem(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)
{
    return system_operation(system, operation, OPERATION_RESUME, "HcsResumeComputeSystem", options, SUBMIT_ACCEPT);
}

HCS_EXPORT HRESULT WINAPI HcsSaveComputeSystem(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR options)
{
    return system_operation(system, operation, OPERATION_SAVE, "HcsSaveComputeSystem", options, SUBMIT_ACCEPT);
}

HCS_EXPORT HRESULT WINAPI HcsGetComputeSystemProperties(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR query)
{
    return system_operation(system, operation, OPERATION_GET_PROPERTIES, "HcsGetComputeSystemProperties", query, SUBMIT_ACCEPT);
}

HCS_EXPORT HRESULT WINAPI HcsModifyComputeSystem(HCS_SYSTEM system, HCS_OPERATION operation, PCWSTR configuration, HANDLE identity)
{
    if (identity)
        return CODE_NOT_IMPLEMENTED; // no other user's token can be acted for
    return system_operation(system, operation, OPERATION_MODIFY, "HcsModifyComputeSystem", configuration, SUBMIT_ACCEPT);
}

HCS_EXPORT HRESULT WINAPI HcsWaitForComputeSystemExit(HCS_SYSTEM system, DWORD ms, PWSTR *result)
{
    subject *s = subject_get(system, SIM_SYSTEM);
    HRESULT code = s ? subject_wait_exit(s, ms, result) : CODE_INVALID_HANDLE;

    subject_release(s);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsSetComputeSystemCallback(HCS_SYSTEM system, DWORD options, const void *context,
                                                      HCS_EVENT_CALLBACK callback)
{
    subject *s = subject_get(system, SIM_SYSTEM);
    HRESULT code = s ? subject_set_callback(s, options, (void *)context, callback) : CODE_INVALID_HANDLE;

    subject_release(s);
    return code;
}
