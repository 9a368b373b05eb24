/*
 * The control role: serves refractctl and the status page, writes the audit
 * log.
 */
#ifndef CONTROL_H
#define CONTROL_H

/* `refractd -X control ...`, fd 3 the parent's channel.  See child.h. */
void	 control(int argc, char **argv) __attribute__((__noreturn__));

#endif
