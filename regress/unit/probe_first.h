/*
 * What real clients say first, a message or more for each protocol, and who
 * else takes it: names of probes that say yes too, and of those that would
 * like to see more of it.
 */
#ifndef PROBE_FIRST_H
#define PROBE_FIRST_H

#include "refract-probe.h"

struct first {
	int		 proto;
	const char	*also, *more;
	const char	*bytes;
	size_t		 n;
};

#define SAYS(s)		s, sizeof(s) - 1

#define AF_10		"\257\257\257\257\257\257\257\257\257\257"
#define TLS_GOOGLE	"\26\3\1\0\272\1\0\0\266\3\3\372"		\
	AF_10 AF_10 AF_10 "\257\0\0\2\0\57\1\0\0\213"			\
	"\0\0\0\17\0\15\0\0\12google.com"

#define DNS_QUERY	"\44\32\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"

#define MYSQL_ZEROS	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static const struct first	firsts[] = {
	{ RP_TLS, "", "", SAYS(TLS_GOOGLE) },
	{ RP_HTTP, "", "", SAYS("GET /index.html HTTP/1.1\r\n"
	    "Host: example.com\r\n\r\n") },
	{ RP_HTTP, "", "", SAYS("POST / HTTP/1.0\r\n\r\n") },
	{ RP_HTTP, "", "", SAYS("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") },
	{ RP_HTTP, "", "", SAYS("CONNECT example.com:443 HTTP/1.1\r\n\r\n") },
	{ RP_HTTP, "", "", SAYS("CONNECT sip.example.com:443 HTTP/1.1\r\n") },
	{ RP_HTTP2, "", "", SAYS("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	    "\0\0\22\4\0\0\0\0\0") },
	{ RP_SSH, "", "", SAYS("SSH-2.0-OpenSSH_8.2p1 Ubuntu-4ubuntu0.1\r\n") },
	{ RP_SSH, "", "", SAYS("SSH-1.99-OpenSSH_2.9p1\r\n") },
	{ RP_FTP, "pop3", "", SAYS("USER anonymous\r\n") },
	{ RP_FTP, "redis", "", SAYS("AUTH TLS\r\n") },
	{ RP_FTP, "", "", SAYS("220 (vsFTPd 3.0.3)\r\n") },
	{ RP_FTP, "", "", SAYS("220-welcome\r\n") },
	{ RP_SOCKS4, "", "", SAYS("\4\1\0\120\306\63\144\1user\0") },
	{ RP_SOCKS4, "", "", SAYS("\4\1\1\273\0\0\0\1\0example.com\0") },
	{ RP_SOCKS5, "", "mysql dns", SAYS("\5\1\0") },
	{ RP_SOCKS5, "", "mysql dns", SAYS("\5\3\0\1\2") },
	{ RP_SMTP, "", "", SAYS("EHLO client.example.com\r\n") },
	{ RP_SMTP, "", "", SAYS("HELO client\r\n") },
	{ RP_IMAP, "", "", SAYS("A001 CAPABILITY\r\n") },
	{ RP_IMAP, "", "", SAYS("1 login bob secret\r\n") },
	{ RP_POP3, "", "", SAYS("CAPA\r\n") },
	{ RP_POP3, "", "adb", SAYS("STLS\r\n") },
	{ RP_POP3, "redis", "", SAYS("AUTH PLAIN\r\n") },
	{ RP_XMPP, "", "", SAYS("<?xml version='1.0'?>"
	    "<stream:stream to='example.com' xmlns='jabber:client'>") },
	{ RP_XMPP, "", "", SAYS("<stream:stream to='example.com'>") },
	{ RP_OPENVPN, "", "", SAYS("\0\16\70\1\2\3\4\5\6\7\10\0\0\0\0\0") },
	{ RP_OPENVPN, "", "", SAYS("\0\52\70\201\2\3\4\5\6\7\10"
	    "hhhhhhhhhhhhhhhhhhhh\0\0\0\1\146\1\2\3\0\0\0\0\0") },
	{ RP_OPENVPN, "", "", SAYS("\1\100\120\201\2\3\4\5\6\7\10wrapped") },
	{ RP_TINC, "", "", SAYS("0 alpha 17.7\n") },
	{ RP_TINC, "", "", SAYS("0 ?Zm9vYmFyYmF6 17.7\n") },
	{ RP_RDP, "", "", SAYS("\3\0\0\52\45\340\0\0\0\0\0"
	    "Cookie: mstshash=user\r\n\1\0\10\0\3\0\0\0") },
	{ RP_RDP, "", "", SAYS("\3\0\0\23\16\340\0\0\0\0\0"
	    "\1\0\10\0\3\0\0\0") },
	{ RP_ADB, "", "", SAYS("CNXN\1\0\0\1\0\0\20\0\7\0\0\0\62\2\0\0"
	    "\274\261\247\261host::\0") },
	{ RP_ADB, "", "", SAYS("STLS\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\254\253\263\254") },
	{ RP_MQTT, "", "", SAYS("\20\20\0\4MQTT\4\2\0\74\0\4test") },
	{ RP_MQTT, "", "", SAYS("\20\15\0\4MQTT\5\2\0\74\0\0\0") },
	{ RP_MQTT, "", "", SAYS("\20\22\0\6MQIsdp\3\2\0\74\0\4test") },
	{ RP_POSTGRES, "", "", SAYS("\0\0\0\10\4\322\26\57") },
	{ RP_POSTGRES, "", "", SAYS("\0\0\0\10\4\322\26\60") },
	{ RP_POSTGRES, "", "", SAYS("\0\0\0\26\0\3\0\0user\0postgres\0\0") },
	{ RP_POSTGRES, "", "", SAYS("\0\0\0\20\4\322\26\56\0\0\1\2\3\4\5\6") },
	{ RP_MYSQL, "", "", SAYS("\45\0\0\1\205\242\277\1\0\0\0\1\41"
	    MYSQL_ZEROS "root\0") },
	{ RP_MYSQL, "", "", SAYS("\40\0\0\1\205\256\277\1\0\0\0\1\41"
	    MYSQL_ZEROS) },
	{ RP_REDIS, "", "", SAYS("*1\r\n$4\r\nPING\r\n") },
	{ RP_REDIS, "", "", SAYS("PING\r\n") },
	{ RP_REDIS, "", "", SAYS("AUTH secret\r\n") },
	{ RP_BITTORRENT, "", "", SAYS("\23BitTorrent protocol"
	    "\0\0\0\0\0\20\0\5aaaaaaaaaaaaaaaaaaaa-TR3000-bbbbbbbbbbbb") },
	{ RP_SYSLOG, "", "", SAYS("<34>1 2003-10-11T22:14:15.003Z host su - -"
	    " - failed") },
	{ RP_SYSLOG, "", "", SAYS("<191>Oct 11 22:14:15 host su: failed\n") },
	{ RP_SYSLOG, "", "", SAYS("220 <165>1 2003-10-11T22:14:15.003Z") },
	{ RP_MINECRAFT, "", "", SAYS("\20\0\373\5\11localhost\143\335\1") },
	{ RP_MINECRAFT, "", "", SAYS("\23\0\377\377\377\377\17\11localhost"
	    "\143\335\1") },
	{ RP_MINECRAFT, "", "", SAYS("\376\1\372\0\13\0M\0C\0|\0P\0i\0n\0g"
	    "\0H\0o\0s\0t") },
	{ RP_PROXY, "", "", SAYS("PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\n") },
	{ RP_PROXY, "", "", SAYS("PROXY UNKNOWN\r\n") },
	{ RP_PROXY, "", "", SAYS("\r\n\r\n\0\r\nQUIT\n\41\21\0\14"
	    "\300\0\2\1\300\0\2\2\0\5\0\6") },
	{ RP_DNS, "", "", SAYS("\0\35" DNS_QUERY) },
	{ RP_DNS, "", "", SAYS("\0\35\70" "A\1\0\0\1\0\0\0\0\0\0"
	    "\7example\3com\0\0\1\0\1") },
	{ RP_SIP, "", "", SAYS("OPTIONS sip:bob@example.com SIP/2.0\r\n"
	    "Via: SIP/2.0/TCP a.example.com\r\n\r\n") },
	{ RP_SIP, "", "", SAYS("INVITE sips:bob@example.com SIP/2.0\r\n") },
	{ RP_DNS_UDP, "", "", SAYS(DNS_QUERY) },
	{ RP_DNS_UDP, "", "", SAYS("\0\0\1\0\0\1\0\0\0\0\0\1\0\0\2\0\1"
	    "\0\0\51\20\0\0\0\0\0\0\0") }
};
#define NFIRSTS	(sizeof(firsts) / sizeof(firsts[0]))

#endif
