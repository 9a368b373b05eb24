/*
 * The status page's server: `status on ADDR port N`.
 */
#ifndef CONTROL_WEB_H
#define CONTROL_WEB_H

struct conf;
struct wire_status;

/* Once, before the first listener. */
void	 web_init(void);
/* Serve on this descriptor, which listens. */
void	 web_listen(const struct wire_status *, int fd);
/* Leave the places that are not in this configuration. */
void	 web_commit(const struct conf *);
void	 web_stop(void);

#endif
