// The exports that make, read and close operations.
#include "operation.h"

HCS_EXPORT HCS_OPERATION WINAPI HcsCreateOperation(const void *context, HCS_OPERATION_COMPLETION callback)
{
    return operation_new((void *)context, callback, NULL);
}

// The types ask for progress and result notifications; the simulator's operations have no progress, so that the one notification is
// that of the result.
HCS_EXPORT HCS_OPERATION WINAPI HcsCreateOperationWithNotifications(DWORD types, const void *context, HCS_EVENT_CALLBACK callback)
{
    return operation_new((void *)context, NULL, types ? callback : NULL);
}

// Legal in every state: a result that is still to come is dropped with the last reference.
HCS_EXPORT void WINAPI HcsCloseOperation(HCS_OPERATION handle)
{
    operation_release((operation *)sim_object_close(handle, SIM_OPERATION));
}

HCS_EXPORT void *WINAPI HcsGetOperationContext(HCS_OPERATION handle)
{
    operation *op = operation_get(handle);
    void *context = op ? op->context : NULL;

    operation_release(op);
    return context;
}

HCS_EXPORT HRESULT WINAPI HcsSetOperationContext(HCS_OPERATION handle, const void *context)
{
    operation *op = operation_get(handle);

    if (!op)
        return CODE_INVALID_HANDLE;
    AcquireSRWLockExclusive(&operation_lock);
    op->context = (void *)context;
    ReleaseSRWLockExclusive(&operation_lock);
    operation_release(op);
    return S_OK;
}

// Once an operation runs, its callback may be under way: a change then is refused [assumed].
HCS_EXPORT HRESULT WINAPI HcsSetOperationCallback(HCS_OPERATION handle, const void *context, HCS_OPERATION_COMPLETION callback)
{
    operation *op = operation_get(handle);

    if (!op)
        return CODE_INVALID_HANDLE;
    AcquireSRWLockExclusive(&operation_lock);
    HRESULT code = op->state == NOT_STARTED ? S_OK : CODE_OPERATION_ALREADY_STARTED;
    if (SUCCEEDED(code)) {
        op->context = (void *)context;
        op->completion = callback;
    }
    ReleaseSRWLockExclusive(&operation_lock);
    operation_release(op);
    return code;
}

static HANDLE handle_of(const subject *s)
{
    return s ? (HANDLE)(ULONG_PTR)s->object.handle : NULL;
}

HCS_EXPORT HCS_SYSTEM WINAPI HcsGetComputeSystemFromOperation(HCS_OPERATION handle)
{
    operation *op = operation_get(handle);
    HANDLE system = op ? handle_of(op->system) : NULL;

    operation_release(op);
    return system;
}

HCS_EXPORT HCS_PROCESS WINAPI HcsGetProcessFromOperation(HCS_OPERATION handle)
{
    operation *op = operation_get(handle);
    HANDLE process = op ? handle_of(op->process) : NULL;

    operation_release(op);
    return process;
}

HCS_EXPORT int WINAPI HcsGetOperationType(HCS_OPERATION handle)
{
    operation *op = operation_get(handle);
    int type = op ? (int)op->type : OPERATION_NONE;

    operation_release(op);
    return type;
}

HCS_EXPORT UINT64 WINAPI HcsGetOperationId(HCS_OPERATION handle)
{
    operation *op = operation_get(handle);
    UINT64 id = op ? op->id : 0;

    operation_release(op);
    return id;
}

// Under operation_lock. Only an operation about a process has such information.
static HRESULT read_information(operation *op, HCS_PROCESS_INFORMATION *information)
{
    if (!op->process || (op->type != OPERATION_CREATE_PROCESS && op->type != OPERATION_GET_PROCESS_INFO))
        return CODE_PROCESS_INFO_NOT_AVAILABLE;
    if (!op->has_information)
        subject_take_information(op->process, &op->information);
    op->has_information = TRUE;
    *information = op->information;
    return S_OK;
}

// Waits until the operation is done, at most ms; "unfinished" is what it says when it is not.
static HRESULT read_result(HCS_OPERATION handle, DWORD ms, HRESULT unfinished, HCS_PROCESS_INFORMATION *information, PWSTR *document)
{
    ULONGLONG end = GetTickCount64() + ms;
    operation *op = operation_get(handle);
    HRESULT code;

    if (document)
        *document = NULL;
    if (information)
        ZeroMemory(information, sizeof *information);
    if (!op)
        return CODE_INVALID_HANDLE;
    AcquireSRWLockExclusive(&operation_lock);
    while (op->state == RUNNING) {
        ULONGLONG now = GetTickCount64();
        if (ms != INFINITE && now >= end)
            break;
        SleepConditionVariableSRW(&op->changed, &operation_lock, ms == INFINITE ? INFINITE : (DWORD)(end - now), 0);
    }
    if (op->state == NOT_STARTED) {
        code = CODE_OPERATION_NOT_STARTED;
    } else if (op->state == RUNNING) {
        code = unfinished;
    } else {
        code = op->code;
        if (information && SUCCEEDED(code))
            code = read_information(op, information);
        if (document && op->document)
            *document = sim_out_copy(op->document);
    }
    ReleaseSRWLockExclusive(&operation_lock);
    operation_release(op);
    return code;
}

HCS_EXPORT HRESULT WINAPI HcsGetOperationResult(HCS_OPERATION operation, PWSTR *document)
{
    return read_result(operation, 0, CODE_OPERATION_PENDING, NULL, document);
}

HCS_EXPORT HRESULT WINAPI HcsGetOperationResultAndProcessInfo(HCS_OPERATION operation, HCS_PROCESS_INFORMATION *information,
                                                              PWSTR *document)
{
    return read_result(operation, 0, CODE_OPERATION_PENDING, information, document);
}

HCS_EXPORT HRESULT WINAPI HcsWaitForOperationResult(HCS_OPERATION operation, DWORD ms, PWSTR *document)
{
    return read_result(operation, ms, CODE_OPERATION_TIMEOUT, NULL, document);
}

HCS_EXPORT HRESULT WINAPI HcsWaitForOperationResultAndProcessInfo(HCS_OPERATION operation, DWORD ms,
                                                                  HCS_PROCESS_INFORMATION *information, PWSTR *document)
{
    return read_result(operation, ms, CODE_OPERATION_TIMEOUT, information, document);
}

// [doc] HCS does not cancel operations.
HCS_EXPORT HRESULT WINAPI HcsCancelOperation(HCS_OPERATION handle)
{
    operation *op = operation_get(handle);

    if (!op)
        return CODE_INVALID_HANDLE;
    operation_release(op);
    return CODE_NOT_IMPLEMENTED;
}

HCS_EXPORT HRESULT WINAPI HcsGetOperationProperties(HCS_OPERATION operation, PCWSTR options, PWSTR *document)
{
    (void)options;
    if (document)
        *document = NULL;
    return HcsCancelOperation(operation); // not implemented either, for an open handle
}

// The simulator runs nothing that could be given a file, job or socket.
HCS_EXPORT HRESULT WINAPI HcsAddResourceToOperation(HCS_OPERATION operation, DWORD type, PCWSTR uri, HANDLE resource)
{
    (void)type;
    (void)uri;
    (void)resource;
    return HcsCancelOperation(operation);
}
