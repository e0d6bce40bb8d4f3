// SPDX-License-Identifier: GPL-2.0
/*
 * For make demo: recurses until its stack may not grow any more, and waits to
 * be looked at: in the handler of the signal that it gets then, on a stack of
 * the handler's own.
 */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* What a call puts on the stack. */
#define FRAME (768 * 1024)

static char handler_stack[64 * 1024];

static void wait_for_ever(int signal)
{
	(void)signal;
	for (;;)
		pause();
}

/* Every call needs its frame again when the next one is done. */
static __attribute__((noinline)) int recurse(int depth)
{
	volatile char frame[FRAME];

	frame[0] = 1;
	return depth ? recurse(depth - 1) + frame[0] : 0;
}

int main(void)
{
	stack_t own = { .ss_sp = handler_stack, .ss_size = sizeof(handler_stack) };
	struct sigaction action = { .sa_handler = wait_for_ever, .sa_flags = SA_ONSTACK };

	sigaltstack(&own, NULL);
	sigaction(SIGSEGV, &action, NULL);
	return recurse(1000000);
}
