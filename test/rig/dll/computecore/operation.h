// The inside of an operation, for operation.c and result.c.
#ifndef COMPUTECORE_OPERATION_H
#define COMPUTECORE_OPERATION_H

#include "core.h"

typedef enum operation_state { NOT_STARTED, RUNNING, DONE } operation_state;

struct operation {
    sim_object object;
    HCS_OPERATION handle;
    UINT64 id;
    // Guarded by operation_lock from here on.
    CONDITION_VARIABLE changed;
    operation_state state;
    operation_type type;
    void *context;
    HCS_OPERATION_COMPLETION completion;
    HCS_EVENT_CALLBACK notification;
    subject *system; // kept from begin on
    subject *process;
    BOOL held; // the call that started it has not returned yet and will decide about the callback
    HRESULT code;
    PWSTR document;
    BOOL has_information; // a client has read it: the streams are out of our hands
    HCS_PROCESS_INFORMATION information;
};

extern SRWLOCK operation_lock;

HCS_OPERATION operation_new(void *context, HCS_OPERATION_COMPLETION completion, HCS_EVENT_CALLBACK notification);

#endif
