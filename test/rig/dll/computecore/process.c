// Processes of compute systems.
#include "core.h"

// Completes before it returns, as observed on Windows Server 2022 (hcs-api §1.2), and then tells a failure both as its own result and
// through the operation, with *process left NULL.
HCS_EXPORT HRESULT WINAPI HcsCreateProcess(HCS_SYSTEM system, PCWSTR parameters, HCS_OPERATION handle, const void *security,
                                           HCS_PROCESS *process)
{
    if (!process)
        return CODE_INVALID_ARGUMENT;
    *process = NULL;
    if (security)
        return CODE_NOT_IMPLEMENTED;
    subject *s = subject_get(system, SIM_SYSTEM);
    operation *op = operation_get(handle);
    HANDLE made = NULL;
    subject *p = NULL;
    HRESULT code = s && op ? S_OK : CODE_INVALID_HANDLE;
    if (SUCCEEDED(code)) {
        p = subject_new(SIM_PROCESS, s->object.epoch, &made);
        code = p ? operation_begin(op, OPERATION_CREATE_PROCESS, s, p) : CODE_OUT_OF_MEMORY;
    }
    if (SUCCEEDED(code)) {
        sim_reply *reply;
        code = sim_create_process(ABI, &s->object, &p->object, parameters, &p->information, &reply);
        if (SUCCEEDED(code))
            *process = made;
        operation_finish(op, code, SUCCEEDED(code) ? "" : sim_field(reply, 0)); // a pid is no document
        sim_reply_free(reply);
    }
    if (FAILED(code) && p)
        subject_abandon(made, SIM_PROCESS);
    subject_release(p);
    operation_release(op);
    subject_release(s);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsOpenProcess(HCS_SYSTEM system, DWORD pid, DWORD access, HCS_PROCESS *process)
{
    (void)access;
    if (!process)
        return CODE_INVALID_ARGUMENT;
    *process = NULL;
    subject *s = subject_get(system, SIM_SYSTEM);
    if (!s)
        return CODE_INVALID_HANDLE;
    HANDLE made = NULL;
    subject *p = subject_new(SIM_PROCESS, s->object.epoch, &made);
    HRESULT code = p ? S_OK : CODE_OUT_OF_MEMORY;
    if (p) {
        p->information.pid = pid;
        sim_request *request = sim_new("HcsOpenProcess");
        sim_add_utf8(request, ABI);
        sim_add_number(request, s->object.handle);
        sim_add_number(request, p->object.handle);
        sim_add_number(request, pid);
        code = sim_call(request, s->object.epoch, NULL);
        if (SUCCEEDED(code))
            *process = made;
        else
            subject_abandon(made, SIM_PROCESS);
    }
    subject_release(p);
    subject_release(s);
    return code;
}

HCS_EXPORT void WINAPI HcsCloseProcess(HCS_PROCESS process)
{
    subject_close(process, SIM_PROCESS);
}

// text is NULL for requests that carry none.
static HRESULT process_operation(HCS_PROCESS process, HCS_OPERATION handle, operation_type type, const char *name, PCWSTR text)
{
    subject *p = subject_get(process, SIM_PROCESS);
    operation *op = operation_get(handle);
    HRESULT code = p && op ? operation_begin(op, type, NULL, p) : CODE_INVALID_HANDLE;

    if (SUCCEEDED(code)) {
        sim_request *request = sim_new(name);
        sim_add_utf8(request, ABI);
        sim_add_number(request, p->object.handle);
        if (text)
            sim_add_text(request, text);
        code = operation_submit(op, request, p->object.epoch, SUBMIT_ACCEPT);
    }
    operation_release(op);
    subject_release(p);
    return code;
}

static BOOL reserved(PCWSTR text) // [doc] "reserved, must be NULL"; Go clients pass ""
{
    return text && *text;
}

HCS_EXPORT HRESULT WINAPI HcsTerminateProcess(HCS_PROCESS process, HCS_OPERATION operation, PCWSTR options)
{
    if (reserved(options))
        return CODE_INVALID_ARGUMENT;
    return process_operation(process, operation, OPERATION_SIGNAL_PROCESS, "HcsTerminateProcess", NULL);
}

HCS_EXPORT HRESULT WINAPI HcsSignalProcess(HCS_PROCESS process, HCS_OPERATION operation, PCWSTR options)
{
    return process_operation(process, operation, OPERATION_SIGNAL_PROCESS, "HcsSignalProcess", options ? options : L"");
}

// The streams come with it only when the operation that made the process was never read (hcs-api §1.2 "HcsCreateProcess").
HCS_EXPORT HRESULT WINAPI HcsGetProcessInfo(HCS_PROCESS process, HCS_OPERATION operation)
{
    return process_operation(process, operation, OPERATION_GET_PROCESS_INFO, "HcsGetProcessInfo", NULL);
}

HCS_EXPORT HRESULT WINAPI HcsGetProcessProperties(HCS_PROCESS process, HCS_OPERATION operation, PCWSTR query)
{
    if (reserved(query))
        return CODE_INVALID_ARGUMENT;
    return process_operation(process, operation, OPERATION_GET_PROCESS_PROPERTIES, "HcsGetProcessProperties", NULL);
}

HCS_EXPORT HRESULT WINAPI HcsModifyProcess(HCS_PROCESS process, HCS_OPERATION operation, PCWSTR settings)
{
    return process_operation(process, operation, OPERATION_MODIFY_PROCESS, "HcsModifyProcess", settings ? settings : L"");
}

HCS_EXPORT HRESULT WINAPI HcsSetProcessCallback(HCS_PROCESS process, DWORD options, void *context, HCS_EVENT_CALLBACK callback)
{
    subject *p = subject_get(process, SIM_PROCESS);
    HRESULT code = p ? subject_set_callback(p, options, context, callback) : CODE_INVALID_HANDLE;

    subject_release(p);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsWaitForProcessExit(HCS_PROCESS process, DWORD ms, PWSTR *result)
{
    subject *p = subject_get(process, SIM_PROCESS);
    HRESULT code = p ? subject_wait_exit(p, ms, result) : CODE_INVALID_HANDLE;

    subject_release(p);
    return code;
}
