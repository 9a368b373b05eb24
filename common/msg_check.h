/*
 * Between the files of the message table: who says what is wrong with the
 * content of a message, NULL if nothing is.
 */
#ifndef MSG_CHECK_H
#define MSG_CHECK_H

#include <stddef.h>
#include <stdint.h>

struct prefix;
struct wire_port;

#define TEXT_OK(array)	msg_has_nul(array, sizeof(array))
#define ZERO_OK(array)	msg_zeroes(array, sizeof(array))

extern const char	msg_no_nul[];
extern const char	msg_bad_prefix[];
extern const char	msg_bad_enum[];
extern const char	msg_bad_zero[];

int	msg_zeroes(const uint8_t *, size_t);
int	msg_prefix_ok_or_none(const struct prefix *);
/* n ports of a ban, at most BAN_PORTS_MAX. */
int	msg_ports_ok(const struct wire_port *, uint32_t n);

const char	*check_ready(const void *, size_t);
const char	*check_channel(const void *, size_t);
const char	*check_refused(const void *, size_t);
const char	*check_file(const void *, size_t);
const char	*check_ban(const void *, size_t);
const char	*check_target(const void *, size_t);
const char	*check_event(const void *, size_t);
const char	*check_bans(const void *, size_t);
const char	*check_prefixes(const void *, size_t);
const char	*check_outcome(const void *, size_t);
const char	*check_rules(const void *, size_t);
const char	*check_decision(const void *, size_t);
const char	*check_show(const void *, size_t);
const char	*check_row(const void *, size_t);
const char	*check_notice(const void *, size_t);
const char	*check_ctl_ban(const void *, size_t);
const char	*check_state(const void *, size_t);
const char	*check_position(const void *, size_t);
const char	*check_stats(const void *, size_t);
const char	*check_served(const void *, size_t);
const char	*check_lift(const void *, size_t);
const char	*check_boot(const void *, size_t);
const char	*check_stream(const void *, size_t);
const char	*check_stream_done(const void *, size_t);
const char	*check_growth(const void *, size_t);
const char	*check_run(const void *, size_t);
const char	*check_run_done(const void *, size_t);
const char	*check_flush(const void *, size_t);
const char	*check_trigger(const void *, size_t);
const char	*check_decided(const void *, size_t);
const char	*check_waiting(const void *, size_t);
const char	*check_evidence(const void *, size_t);

/* conf_check.c */
const char	*check_global(const void *, size_t);
const char	*check_table(const void *, size_t);
const char	*check_conf_prefixes(const void *, size_t);
const char	*check_watch(const void *, size_t);
const char	*check_source(const void *, size_t);
const char	*check_limit(const void *, size_t);
const char	*check_exempt(const void *, size_t);
const char	*check_inbound(const void *, size_t);
const char	*check_status(const void *, size_t);
const char	*check_pattern(const void *, size_t);
const char	*check_filter(const void *, size_t);
const char	*check_ignore(const void *, size_t);
const char	*check_conf_run(const void *, size_t);
const char	*check_conf_mux(const void *, size_t);
const char	*check_conf_pool(const void *, size_t);
const char	*check_conf_member(const void *, size_t);
const char	*check_conf_tap(const void *, size_t);
const char	*check_conf_listener(const void *, size_t);
const char	*check_conf_bind(const void *, size_t);
const char	*check_conf_offence(const void *, size_t);
const char	*check_conf_route(const void *, size_t);
const char	*check_conf_cond(const void *, size_t);
const char	*check_conf_relay(const void *, size_t);
const char	*check_conf_relay_client(const void *, size_t);
const char	*check_conf_relay_server(const void *, size_t);

#endif
