/*
 * Bytes from outside, made fit to be read by people.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

/*
 * Copy n bytes as valid, printable UTF-8 and a NUL: what is not becomes \ooo
 * and a backslash becomes two, as vis(3) with VIS_OCTAL does, so unvis(3)
 * gives the bytes back.  Cut at a character if size (at least 1) is too small.
 */
void	 text_vis(char *dst, size_t size, const void *src, size_t n);

#endif
