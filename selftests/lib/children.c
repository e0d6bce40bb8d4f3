// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <sys/wait.h>

#include "children.h"

void children_end(pid_t *pid, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (pid[i] <= 0)
			continue;
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
		pid[i] = 0;
	}
}
