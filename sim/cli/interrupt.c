/* Ctrl-C ends a run with what there is so far. */
#include <signal.h>
#include <string.h>

#include "cli/cli.h"

volatile sig_atomic_t cli_interrupted; /* the one thing a signal handler may write */

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	cli_interrupted = 1;
}

void cli_catch_interrupts(void)
{
	struct sigaction action;
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_interrupt;
	action.sa_flags = (int)SA_RESETHAND; /* a second Ctrl-C ends at once */
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}
