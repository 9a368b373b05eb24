/*
 * The grammar of refract.conf(5) and its syntax errors.  Tokens are token.c's;
 * what a statement means is in build.c and the files beside it.
 */
%{
#include <sys/socket.h>
#include <netinet/in.h>

#include <stdio.h>
#include <string.h>

#include "build.h"
#include "command.h"
#include "conf.h"
#include "input.h"
#include "lex.h"
#include "listen.h"
#include "log.h"
#include "pools.h"
#include "relay.h"
#include "report.h"
#include "routes.h"
#include "source.h"
#include "text.h"
#include "token.h"

/* Blocks of statements that are open; lists in braces do not count. */
static int	blocks;

static void	yyerror(const char *);

/* After a syntax error: go on with the next statement, if there is one. */
#define RECOVER do {							\
	if (yychar == END)						\
		YYABORT;						\
	yyerrok;							\
	build_clear();							\
	route_forget();							\
} while (0)
%}

%define api.value.type {struct val}
%define parse.error custom
%define parse.lac full
%initial-action { blocks = 0; }

%token END 0		"end of file"
%token '\n'		"end of the statement"
%token '{'		"{"
%token '}'		"}"
%token ','		","
%token STRING		"a string in quotes"
%token PATH		"a path that begins with /"
%token NUMBER		"a number"
%token RANGE		"a range of ports a:b"
%token SIZE		"a size such as 500M or 1G"
%token SPAN		"a duration such as 5s or 1h30m"
%token FACTOR		"a factor such as 1.5"
%token NAME		"the name of a value"
%token ADDRESS		"an address or prefix"
%token TABLE		"a table <name>"
%token MACRO		"a macro name = value"
%token PROBE		"a protocol such as http"
%token ANY		"*"
%token WORD		"a word"

%token ACTION ADDR ADDRESSES ADMIN AFTER ALL ALLOW ALPN ALSO ANY_ APART AT
%token AUTH BACKLOG BACKUP BALANCE BAN BANDWIDTH BANS BY BYTES CANCEL CHECK
%token CLIENT CLOSED COMMAND COMMANDS CONNECT CONNECTIONS CONTAINS CONTROL
%token CPUS DELAY DENY DESTINATION DIRECTORY DOWN DRAIN DROP DRY DUPLICATE
%token END_ EVERY EXEMPT EXIT EXPECT EXTEND FAIL2BAN FALL FAMILIES FAST FIELD
%token FILE_ FIRST FOR FOREVER FORMAT FORWARD FORWARDED FROM GRACE GROUP
%token GROWING HALF HEADER HOOK HOST HOT IDLE IGNORE INBOUND INCLUDE INET
%token INET6 INSTANCE INTERFACE JOURNAL JSON KEEP KEEPALIVE KEY LEAST LEDGER
%token LIMIT LISTEN LOCAL LOG MARK MASK MATCH MATCHES MATCHING MAX MEMBER
%token MEMORY MODE MOST NEVER NEWEST NO NODELAY NONE OFFENCE OLDEST ON ONCE
%token ONLY OPEN OTHERWISE PASSIVE PATH_ PATTERN PEEK PER POOL PORT PREFIX
%token PROTECT PROXY RANDOM RATE REDIRECT REGEX REJECT RELAY RELOAD RERUN
%token RESET RISE ROUNDROBIN RUN SECOND SELF SEND SERVER SESSIONS SLOW SNI
%token SOURCE SOURCES SOURCE_ADDRESS SOURCE_SOCKET SPEAKS START STATE STATUS
%token STDIN STOP SYSLOG TABLE_ TAP TARPIT TCP TIME TIMEOUT TIMES TO TOGETHER
%token TOKEN TPROXY TRANSPARENT TRUST TTL UDP UNBAN UNKNOWN USER V1 V2 WATCH
%token WEIGHT WHEN WITH WITHIN WORKERS XRAY YES ZONE

%%

configuration	: statements
		;

/* A statement ends with a newline or ";"; the last of a block needs none. */
statements	: statement
		| statements '\n' statement
		;

statement	: %empty
		| MACRO
		| INCLUDE path			{ lex_include($2.s); }
		| TABLE_ TABLE			{ table_open(&$2); }
		    table			{ table_close(); }
		| BAN '{'			{ blocks++; }
		    ban_statements '}'		{ blocks--; }
		| WATCH STRING '{'		{ blocks++; watch_open(&$2); }
		    watch_statements '}'	{ blocks--; watch_close(); }
		| LOG BANS path			{ set_log_bans(&$3, 0); }
		| LOG BANS path JSON		{ set_log_bans(&$3, 1); }
		| LOG BANS NONE			{ set_log_bans(&$3, -1); }
		| CONTROL path			{ set_control(&$2); }
		| CONTROL path ADMIN GROUP STRING {
			set_control(&$2);
			set_admin_group(&$5);
		}
		| STATE path			{ set_state(&$2); }
		| STATUS ON ADDRESS PORT NUMBER	{ set_status(&$3, &$5); }
		| INSTANCE STRING		{ set_instance(&$2); }
		| HOT RELOAD yesno		{ set_hot_reload(&$3); }
		| PATTERN STRING STRING		{ pattern_define(&$2, &$3); }
		| START argv limits		{ command_start(&$1); }
		| STOP argv limits		{ command_stop(&$1); }
		| COMMANDS AT MOST most		{ command_most(&$4); }
		| LISTEN STRING			{ listen_open(&$2); }
		    ON listen_ons protocol PORT ports '{' {
			blocks++;
			listen_ports(&$6);
		}
		    listen_statements '}' {
			blocks--;
			listen_close();
		}
		| RELAY SERVER STRING {
			relay_open(&$3, LISTEN_RELAY_SERVER);
		}
		    ON listen_ons PORT ports '{' {
			blocks++;
			$5.n = IPPROTO_TCP;
			listen_ports(&$5);
		}
		    relay_server_statements '}' {
			blocks--;
			relay_close();
		}
		| RELAY CLIENT STRING {
			relay_open(&$3, LISTEN_RELAY_CLIENT);
		}
		    ON listen_ons PORT ports relay_inbound '{' {
			blocks++;
			$5.n = IPPROTO_TCP;
			listen_ports(&$5);
		}
		    relay_client_statements '}' {
			blocks--;
			relay_close();
		}
		| POOL STRING '{'		{ blocks++; pool_open(&$2); }
		    pool_statements '}'		{ blocks--; pool_close(); }
		| TAP STRING TO path		{ tap_unix(&$2, &$4); }
		| TAP STRING RUN argv limits	{ tap_run(&$2); }
		| WORKERS NUMBER		{ set_workers(&$2); }
		| DRAIN SPAN			{ set_drain(&$2); }
		| LOG CONNECTIONS path	{ set_log_connections(&$3, 0); }
		| LOG CONNECTIONS path JSON { set_log_connections(&$3, 1); }
		| LOG CONNECTIONS NONE	{ set_log_connections(&$3, -1); }
		| LEDGER '{'			{ blocks++; }
		    ledger_statements '}'	{ blocks--; }
		| error				{ RECOVER; }
		;

most		: NUMBER
		| CPUS
		;

/* Programs: arguments, who runs them, for how long. */

argv		: '{' argument_list '}'
		;

argument_list	: %empty
		| argument_list separator
		| argument_list path		{ build_item(&$2); }
		;

account		: USER STRING			{ command_user(&$2); }
		| GROUP STRING			{ command_group(&$2); }
		;

accounts	: %empty			{ command_options(); }
		| accounts account
		;

limits		: %empty			{ command_options(); }
		| limits account
		| limits TIMEOUT SPAN		{ command_timeout(&$3); }
		;

run_options	: %empty			{ command_options(); }
		| run_options run_option
		;

run_option	: account
		| TIMEOUT SPAN			{ command_timeout(&$2); }
		| DELAY SPAN			{ command_delay(&$2); }
		| ALSO AT EXIT			{ command_at_exit(&$1); }
		| ONCE				{ command_once(&$1); }
		| AT LEAST ONCE			{ command_at_least_once(&$1); }
		| ON BAN			{ command_when(&$1, RUN_BAN); }
		| ON UNBAN		{ command_when(&$1, RUN_UNBAN); }
		| INET ONLY		{ command_family(&$1, AF_INET); }
		| INET6 ONLY		{ command_family(&$1, AF_INET6); }
		;

/* Tables. */

table		: '{' prefixes '}'
		| FILE_ path			{ table_file(&$2); }
		;

prefixes	: %empty
		| prefixes separator
		| prefixes prefix
		;

prefix		: ADDRESS			{ table_prefix(&$1); }
		| TABLE				{ table_nested(&$1); }
		| SELF				{ table_self(&$1); }
		| FILE_ path			{ table_file(&$2); }
		;

separator	: ',' | '\n'
		;

/* ban { } */

ban_statements	: ban_statement
		| ban_statements '\n' ban_statement
		;

ban_statement	: %empty
		| NEVER				{ table_open_never(&$1); }
		    never			{ table_close(); }
		| PREFIX plens			{ ban_prefix(&$1); }
		| PROTECT SESSIONS yesno	{ ban_protect(&$3); }
		| ACTION action			{ ban_action(&$2); }
		| HOOK hook			{ ban_hook(&$2); }
		| MAX NUMBER			{ ban_max(&$2); }
		| error				{ RECOVER; }
		;

never		: '{' prefixes '}'
		| prefix
		;

plens		: plen
		| plens plen
		;

plen		: INET NUMBER			{ build_plen(AF_INET, &$2); }
		| INET6 NUMBER			{ build_plen(AF_INET6, &$2); }
		;

action		: DROP				{ $$.n = ACTION_DROP; }
		| REJECT			{ $$.n = ACTION_REJECT; }
		;

hook		: LOCAL				{ $$.n = HOOK_LOCAL; }
		| FORWARD			{ $$.n = HOOK_FORWARD; }
		;

yesno		: %empty			{ $$.at = lex.at; $$.n = 1; }
		| YES				{ $$.n = 1; }
		| NO				{ $$.n = 0; }
		;

/* ledger { } */

ledger_statements: ledger_statement
		| ledger_statements '\n' ledger_statement
		;

ledger_statement: %empty
		| KEEP duration			{ ledger_keep(&$2); }
		| MAX size			{ ledger_max(&$2); }
		| error				{ RECOVER; }
		;

size		: SIZE
		| none
		;

/* watch "name" { } */

watch_statements: watch_statement
		| watch_statements '\n' watch_statement
		;

watch_statement	: %empty
		| SOURCE FILE_ paths from	{ source_files(&$4); }
		| SOURCE JOURNAL journal place from {
			$2.n = $3.n;
			source_journal(&$2, &$4, &$5);
		}
		| SOURCE COMMAND argv accounts	{ source_command(&$2); }
		| SOURCE SYSLOG ON ADDRESS UDP PORT NUMBER {
			source_syslog(&$4, &$7);
		}
		| SOURCE SYSLOG ON path		{ source_syslog_unix(&$4); }
		| SOURCE STDIN			{ source_stdin(&$2); }
		| FORMAT XRAY			{
			$2.n = FORMAT_XRAY;
			watch_format(&$2);
		}
		| LIMIT limit
		| BAN victim prefixed FOR duration growing ons {
			watch_ban(&$2, &$3, &$5);
		}
		| EXEMPT exempt
		| EXEMPT '{' exempts '}'
		| FAMILIES families		{ watch_families(&$2); }
		| GROUP plens			{ watch_group(&$1); }
		| GRACE SPAN			{ watch_grace(&$2); }
		| ONLY INBOUND strings		{ watch_inbound(&$2); }
		| TRUST FORWARDED yesno		{ watch_trust(&$3); }
		| ZONE zone			{ watch_zone(&$2); }
		| DRY RUN yesno			{ watch_dry_run(&$3); }
		| PATTERN STRING STRING		{ pattern_define(&$2, &$3); }
		| MATCH STRING weight		{ text_match(&$2, &$3); }
		| MATCH FAIL2BAN STRING mode weight {
			text_filter(&$3, &$4, &$5);
		}
		| CANCEL STRING			{ text_cancel(&$2); }
		| IGNORE STRING			{ text_ignore(&$2); }
		| IGNORE TABLE strings		{ text_ignore_values(&$2); }
		| IGNORE TABLE TABLE	{ text_ignore_table(&$2, &$3); }
		| IGNORE TABLE MATCHING STRING	{ text_ignore_regex(&$2, &$4); }
		| KEY keys			{ watch_key(&$1); }
		| AFTER NUMBER matches		{
			$1.s = NULL;
			watch_after(&$2, &$1);
		}
		| AFTER NUMBER matches WITHIN SPAN { watch_after(&$2, &$5); }
		| TIME STRING			{ watch_time(&$2); }
		| DUPLICATE duplicate		{ watch_duplicate(&$2); }
		| JSON FIELD STRING		{ watch_json_field(&$3); }
		| JSON TIME STRING		{ watch_json_time(&$3); }
		| JSON ADDR STRING		{ watch_json_addr(&$3); }
		| RUN argv run_options		{ command_run(&$1); }
		| error				{ RECOVER; }
		;

journal		: %empty			{ $$.n = 0; }
		| strings			{ $$.n = 1; }
		;

place		: %empty			{ $$.s = NULL; }
		| FILE_ path			{ $$ = $2; }
		| DIRECTORY path		{ $$ = $2; }
		;

weight		: %empty			{ $$.at = lex.at; $$.n = 1; }
		| WEIGHT NUMBER			{ $$ = $2; }
		;

mode		: %empty			{ $$.s = NULL; }
		| MODE STRING			{ $$ = $2; }
		;

keys		: key
		| '{' key_list '}'
		;

key_list	: %empty
		| key_list separator
		| key_list key
		;

key		: NAME				{ build_item(&$1); }
		| STRING			{ build_item(&$1); }
		;

matches		: MATCH | MATCHES
		;

duplicate	: EXTEND			{ $$.n = DUPLICATE_EXTEND; }
		| IGNORE			{ $$.n = DUPLICATE_IGNORE; }
		| RERUN				{ $$.n = DUPLICATE_RERUN; }
		;

from		: %empty			{ $$.at = lex.at; $$.n = 0; }
		| FROM START			{ $$.n = 1; }
		| FROM END_			{ $$.n = 0; }
		;

limit		: NUMBER ADDRESSES PER USER within {
			watch_limit(&$1);
		}
		| NUMBER FOR strings		{ watch_limit_for(&$1); }
		| none within			{ watch_limit(&$1); }
		| none FOR strings		{ watch_limit_for(&$1); }
		;

within		: %empty
		| WITHIN SPAN			{ watch_window(&$2); }
		;

victim		: %empty			{
			$$.s = NULL;
			$$.n = BAN_NEWEST;
		}
		| NEWEST			{ $$.n = BAN_NEWEST; }
		| OLDEST			{ $$.n = BAN_OLDEST; }
		| ALL				{ $$.n = BAN_ALL; }
		;

prefixed	: %empty			{ $$.n = 0; }
		| PREFIX			{ $$.n = 1; }
		;

growing		: %empty			{ $$.n = 0; growing(&$$); }
		| GROWING			{ $1.n = 1; growing(&$1); }
		    growth
		;

growth		: %empty
		| growth BY factor		{ growing_by(&$3); }
		| growth TO SPAN		{ growing_to(&$3); }
		| growth TOGETHER		{ growing_together(); }
		;

factor		: NUMBER			{
			$$.n = $1.n > GROWTH_MAX ? GROWTH_MAX + 1 :
			    $1.n * 1000;
		}
		| FACTOR
		;

duration	: SPAN
		| FOREVER			{ $$.n = SPAN_FOREVER; }
		;

ons		: %empty
		| ons ON on
		| ons ON '{' on_list '}'
		;

on_list		: %empty
		| on_list separator
		| on_list on
		;

on		: protocol PORT ports		{ build_ports($1.n); }
		;

protocol	: TCP				{ $$.n = IPPROTO_TCP; }
		| UDP				{ $$.n = IPPROTO_UDP; }
		;

ports		: port
		| '{' port_list '}'
		;

port_list	: %empty
		| port_list separator
		| port_list port
		;

port		: NUMBER			{ build_item(&$1); }
		| RANGE				{ build_item(&$1); }
		;

exempts		: %empty
		| exempts separator
		| exempts exempt
		;

exempt		: TABLE				{ watch_exempt_table(&$1); }
		| ADDRESS			{ watch_exempt_prefix(&$1); }
		| USER STRING			{ watch_exempt_user(&$2); }
		;

families	: TOGETHER			{ $$.n = 1; }
		| APART				{ $$.n = 0; }
		;

zone		: STRING
		| LOCAL
		;

/* listen "name" on ... { } */

listen_ons	: listen_on
		| '{' listen_on_gap '}'
		| '{' listen_on_list '}'
		;

/* An interface belongs to the address before it: the comma matters. */
listen_on_gap	: %empty
		| listen_on_gap separator
		| listen_on_list separator
		;

listen_on_list	: listen_on_gap listen_on
		;

listen_on	: ADDRESS on_interface		{ listen_on(&$1, &$2); }
		| ANY on_interface		{
			$1.s = NULL;
			listen_on(&$1, &$2);
		}
		| INTERFACE STRING		{
			$1.s = NULL;
			listen_on(&$1, &$2);
		}
		;

on_interface	: %empty			{ $$.s = NULL; }
		| INTERFACE STRING		{ $$ = $2; }
		;

listen_statements: listen_statement
		| listen_statements '\n' listen_statement
		;

listen_statement: %empty
		| limit_statement
		| PEEK NUMBER BYTES		{ listen_set(L_PEEK, &$2); }
		| PEEK NUMBER BYTES WITHIN SPAN	{
			listen_set(L_PEEK, &$2);
			listen_set(L_PEEK_TIME, &$5);
		}
		| PEEK WITHIN SPAN	{ listen_set(L_PEEK_TIME, &$3); }
		| PEEK MEMORY SIZE	{ listen_set(L_PEEK_MEMORY, &$3); }
		| CONNECT SPAN			{ listen_set(L_CONNECT, &$2); }
		| IDLE span_none		{ listen_set(L_IDLE, &$2); }
		| EXPECT PROXY FROM sources	{ listen_expect(&$1, $4.n); }
		| OFFENCE offence NUMBER TIMES WITHIN SPAN BAN FOR duration {
			listen_offence(&$2, &$3, &$6, &$9);
		}
		| route				{ route_end(&$1.at); }
		| error				{ RECOVER; }
		;

/* Those that relays have, too. */
limit_statement	: CONNECTIONS NUMBER	{ listen_set(L_CONNECTIONS, &$2); }
		| CONNECTIONS NUMBER ',' PER ADDRESSES number_none {
			listen_set(L_CONNECTIONS, &$2);
			listen_set(L_PER_ADDRESS, &$6);
		}
		| PER ADDRESSES number_none { listen_set(L_PER_ADDRESS, &$3); }
		| GROUP plens			{ listen_group(&$1); }
		| RATE NUMBER PER SECOND	{ listen_set(L_RATE, &$2); }
		| RATE none			{ listen_set(L_RATE, &$2); }
		| HALF CLOSED span_none	{ listen_set(L_HALF_CLOSED, &$3); }
		| KEEPALIVE span_none	{ listen_set(L_KEEPALIVE, &$2); }
		| USER TIMEOUT span_none { listen_set(L_USER_TIMEOUT, &$3); }
		| BANDWIDTH size	{ listen_set(L_BANDWIDTH, &$2); }
		| BACKLOG NUMBER		{ listen_set(L_BACKLOG, &$2); }
		| NODELAY yesno			{ listen_set(L_NODELAY, &$2); }
		| FAST OPEN yesno		{ listen_set(L_FASTOPEN, &$3); }
		| LOG CONNECTIONS yesno		{ listen_set(L_LOG, &$3); }
		;

number_none	: NUMBER
		| none
		;

span_none	: SPAN
		| none
		;

none		: NONE				{ $$.n = 0; }
		;

offence		: UNKNOWN			{ $$.n = OFFENCE_UNKNOWN; }
		| SLOW				{ $$.n = OFFENCE_SLOW; }
		| LIMIT				{ $$.n = OFFENCE_LIMIT; }
		;

relay_offence	: UNKNOWN			{ $$.n = OFFENCE_UNKNOWN; }
		| LIMIT				{ $$.n = OFFENCE_LIMIT; }
		| TOKEN				{ $$.n = OFFENCE_TOKEN; }
		;

/* relay server "name" on ... { }, relay client "name" on ... { } */

relay_inbound	: REDIRECT		{ relay_inbound(&$1, 0); }
		| TPROXY		{ relay_inbound(&$1, 1); }
		;

relay_server_statements: relay_server_statement
		| relay_server_statements '\n' relay_server_statement
		;

relay_server_statement: %empty
		| limit_statement
		| TIMEOUT SPAN			{ relay_timeout(&$2); }
		| HEADER WITHIN SPAN	{ listen_set(L_PEEK_TIME, &$3); }
		| CLIENT relay_who		{ relay_client(&$2); }
		    relay_client_options	{ relay_client_end(); }
		| DESTINATION ALLOW sources {
			relay_destination(&$2, $3.n, 0);
		}
		| DESTINATION DENY sources {
			relay_destination(&$2, $3.n, 1);
		}
		| ANY_ PORT			{ relay_any_port(&$1); }
		| WITH PROXY V2			{ relay_proxy(&$1); }
		| TRANSPARENT yesno {
			$1.n = $2.n;
			relay_transparent(&$1);
		}
		| OFFENCE relay_offence NUMBER TIMES WITHIN SPAN BAN FOR
		    duration {
			listen_offence(&$2, &$3, &$6, &$9);
		}
		| error				{ RECOVER; }
		;

relay_who	: STRING			{ $$.n = 0; }
		| ANY_				{ $$.n = 1; }
		;

relay_client_options: %empty
		| relay_client_options relay_client_option
		;

relay_client_option: KEY STRING			{ relay_key(&$2); }
		| CONNECTIONS NUMBER	{ relay_client_connections(&$2); }
		| SOURCES relay_sources	{ relay_client_sources(&$1); }
		;

relay_sources	: ADDRESS			{ build_item(&$1); }
		| '{' relay_source_list '}'
		;

relay_source_list: %empty
		| relay_source_list separator
		| relay_source_list ADDRESS	{ build_item(&$2); }
		;

relay_client_statements: relay_client_statement
		| relay_client_statements '\n' relay_client_statement
		;

relay_client_statement: %empty
		| limit_statement
		| TIMEOUT SPAN			{ relay_timeout(&$2); }
		| SERVER relay_member AUTH STRING { relay_server(&$1, &$4); }
		    relay_server_options
		| BALANCE balance		{ pool_balance(&$2); }
		| CHECK relay_check check_options
		| PASSIVE number_none		{ pool_passive(&$2); }
		| error				{ RECOVER; }
		;

relay_member	: ADDRESS PORT NUMBER		{ member_address(&$1, &$3); }
		| STRING PORT NUMBER		{ member_host(&$1, &$3); }
		;

relay_check	: NONE			{ pool_check(&$1, CHECK_NONE); }
		| TCP			{ pool_check(&$1, CHECK_TCP); }
		;

relay_server_options: %empty
		| relay_server_options relay_server_option
		;

relay_server_option: KEY STRING			{ relay_key(&$2); }
		| LOCAL ADDRESS			{ relay_local(&$2); }
		| INTERFACE STRING		{ relay_interface(&$2); }
		| MARK relay_number		{ relay_mark(&$2); }
		;

/* 0x1 is a word. */
relay_number	: NUMBER
		| WORD
		;

/* A table by its name, or one that is written here: n is its id. */
sources		: TABLE				{ $$.n = table_used(&$1); }
		| ADDRESS			{
			$$.n = table_open_here(&$1);
			table_prefix(&$1);
			table_close();
		}
		| '{'				{
			$1.n = table_open_here(&$1);
			$$ = $1;
		}
		    prefixes '}'		{
			$$.n = $2.n;
			table_close();
		}
		;

/* Routes: a protocol, conditions, what is done, options. */

route		: conditions action_of options
		| probe action_of options
		| probe conditions action_of options
		;

probe		: protocol_name			{ route_probe(&$1); }
		| no_probe			{ route_probe(&$1); }
		;

no_probe	: TIMEOUT			{ $$.n = ROUTE_TIMEOUT; }
		| SPEAKS FIRST			{ $$.n = ROUTE_SPEAKS_FIRST; }
		| OTHERWISE			{ $$.n = ROUTE_OTHERWISE; }
		;

/* Some are words of the language, too. */
protocol_name	: PROBE
		| PROXY		{ $$.n = route_probe_number($1.s); }
		| SYSLOG	{ $$.n = route_probe_number($1.s); }
		;

conditions	: condition
		| conditions condition
		;

condition	: SNI strings			{ route_texts(&$1, COND_SNI); }
		| SNI REGEX STRING	{ route_regex(&$1, COND_SNI_REGEX,
			    &$3); }
		| ALPN strings		{ route_texts(&$1, COND_ALPN); }
		| HOST strings		{ route_texts(&$1, COND_HOST); }
		| PATH_ path_set	{ route_texts(&$1, COND_PATH); }
		| FROM sources		{ route_from(&$1, $2.n); }
		| BYTES strings at mask	{ route_bytes(&$1, &$3, &$4); }
		| CONTAINS strings	{ route_texts(&$1, COND_CONTAINS); }
		| REGEX STRING	{ route_regex(&$1, COND_REGEX, &$2); }
		;

path_set	: path				{ build_item(&$1); }
		| '{' path_list '}'
		;

path_list	: %empty
		| path_list separator
		| path_list path		{ build_item(&$2); }
		;

at		: %empty			{ $$.s = NULL; }
		| AT NUMBER			{ $$ = $2; }
		;

mask		: %empty			{ $$.s = NULL; }
		| MASK STRING			{ $$ = $2; }
		;

action_of	: TO				{ $1.n = ROUTE_TO; }
		    to				{ route_action(&$1); }
		| refuse			{ route_action(&$1); }
		;

to		: POOL STRING			{ route_to_pool(&$2); }
		| member			{ route_to_member(&$1); }
		;

refuse		: DROP				{ $$.n = ROUTE_DROP; }
		| RESET				{ $$.n = ROUTE_RESET; }
		| TARPIT			{ $$.n = ROUTE_TARPIT; }
		;

options		: %empty
		| options option
		;

option		: WITH PROXY V1		{ $3.n = 1; route_proxy(&$3); }
		| WITH PROXY V2		{ $3.n = 2; route_proxy(&$3); }
		| TRANSPARENT			{ route_transparent(&$1); }
		| TAP STRING			{ route_tap(&$2); }
		| IDLE SPAN			{ route_idle(&$2); }
		| AFTER SPAN			{ route_after(&$2); }
		;

/* pool "name" { } */

member		: ADDRESS PORT NUMBER		{ member_address(&$1, &$3); }
		| STRING PORT NUMBER		{ member_host(&$1, &$3); }
		| path				{ member_unix(&$1); }
		;

pool_statements	: pool_statement
		| pool_statements '\n' pool_statement
		;

pool_statement	: %empty
		| MEMBER member member_options	{ member_end(&$1.at); }
		| BALANCE balance		{ pool_balance(&$2); }
		| CHECK check check_options
		| PASSIVE number_none		{ pool_passive(&$2); }
		| WHEN DOWN down		{ pool_when_down(&$3); }
		| SOURCES relay_sources		{ pool_sources(&$1); }
		| error				{ RECOVER; }
		;

member_options	: %empty
		| member_options member_option
		;

member_option	: WEIGHT NUMBER			{ member_weight(&$2); }
		| BACKUP			{ member_backup(&$1); }
		| TTL SPAN TO SPAN		{ member_ttl(&$2, &$4); }
		;

balance		: ROUNDROBIN			{ $$.n = BALANCE_ROUNDROBIN; }
		| LEAST				{ $$.n = BALANCE_LEAST; }
		| RANDOM			{ $$.n = BALANCE_RANDOM; }
		| FIRST				{ $$.n = BALANCE_FIRST; }
		| SOURCE_ADDRESS		{ $$.n = BALANCE_SOURCE; }
		| SOURCE_SOCKET			{ $$.n = BALANCE_SOCKET; }
		;

check		: NONE			{ pool_check(&$1, CHECK_NONE); }
		| TCP			{ pool_check(&$1, CHECK_TCP); }
		| SEND STRING EXPECT STRING { pool_check_send(&$1, &$2, &$4); }
		| PROBE				{ pool_check_probe(&$1); }
		    check_path check_status
		;

check_path	: %empty			{ pool_check_root(); }
		| path				{ pool_check_path(&$1); }
		;

check_status	: %empty
		| EXPECT NUMBER			{ pool_check_status(&$2); }
		;

check_options	: %empty
		| check_options check_option
		;

check_option	: EVERY SPAN			{ pool_interval(&$2); }
		| TIMEOUT SPAN			{ pool_timeout(&$2); }
		| RISE NUMBER			{ pool_rise(&$2); }
		| FALL NUMBER			{ pool_fall(&$2); }
		;

down		: OTHERWISE			{ $$.n = 0; }
		| RESET				{ $$.n = ROUTE_RESET; }
		| DROP				{ $$.n = ROUTE_DROP; }
		;

/* Strings and paths. */

strings		: string
		| '{' string_list '}'
		;

string_list	: %empty
		| string_list separator
		| string_list string
		;

string		: STRING			{ build_item(&$1); }
		;

paths		: path				{ build_item(&$1); }
		| paths path			{ build_item(&$2); }
		;

path		: STRING
		| PATH
		;

%%

/* Only for what is not a syntax error: no memory. */
static void
yyerror(const char *what)
{
	fatalx("configuration: %s", what);
}

#include "syntax.h"

static int
yyreport_syntax_error(const yypcontext_t *ctx)
{
	yysymbol_kind_t	list[YYNTOKENS];
	int		n;

	if (!lex.broken) {
		n = yypcontext_expected_tokens(ctx, list, YYNTOKENS);
		report_syntax(list, n < 0 ? 0 : n);
	}
	skip_statement();
	return 0;
}
