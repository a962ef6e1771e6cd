// The end of a container's process by a console control event. Windows' last handler ends it with STATUS_CONTROL_C_EXIT, Wine's with
// 0. This one is registered before the program can register its own, so that it is asked after all of those.
#include "hook.h"

static BOOL WINAPI last_handler(DWORD event)
{
    (void)event;
    ExitProcess(STATUS_CONTROL_C_EXIT);
}

void hook_console(void)
{
    SetConsoleCtrlHandler(last_handler, TRUE);
}
