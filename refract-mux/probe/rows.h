/*
 * The protocols, a row each: ROW(number, name, function, first bytes).  There
 * is no guard: it is read by whoever wants one column, with a ROW of his own.
 */
ROW(RP_TLS, "tls", probe_tls, FIRST("\026"))
ROW(RP_HTTP, "http", probe_http, FIRST(METHODS))
ROW(RP_HTTP2, "http2", probe_http2, FIRST("P"))
ROW(RP_SSH, "ssh", probe_ssh, FIRST("S"))
ROW(RP_FTP, "ftp", probe_ftp, FIRST("2UAFHSOPLuafhsopl"))
ROW(RP_SOCKS4, "socks4", probe_socks4, FIRST("\4"))
ROW(RP_SOCKS5, "socks5", probe_socks5, FIRST("\5"))
ROW(RP_SMTP, "smtp", probe_smtp, FIRST("EHLehl"))
ROW(RP_IMAP, "imap", probe_imap, FIRST("!#$&',-./0123456789:;<=>?@" UPPER
    "[]^_`" LOWER "|}~"))
ROW(RP_POP3, "pop3", probe_pop3, FIRST("CSAUcsau"))
ROW(RP_XMPP, "xmpp", probe_xmpp, FIRST("<"))
ROW(RP_OPENVPN, "openvpn", probe_openvpn, FIRST("\0\1\2\3\4\5\6"))
ROW(RP_TINC, "tinc", probe_tinc, FIRST("0"))
ROW(RP_RDP, "rdp", probe_rdp, FIRST("\3"))
ROW(RP_ADB, "adb", probe_adb, FIRST("\0CS"))
ROW(RP_MQTT, "mqtt", probe_mqtt, FIRST("\020"))
ROW(RP_POSTGRES, "postgres", probe_postgres, FIRST("\0"))
ROW(RP_MYSQL, "mysql", probe_mysql, ANY)
ROW(RP_REDIS, "redis", probe_redis, FIRST("*PAHISCQEpahiscqe"))
ROW(RP_BITTORRENT, "bittorrent", probe_bittorrent, FIRST("\023"))
ROW(RP_SYSLOG, "syslog", probe_syslog, FIRST("<123456789"))
ROW(RP_MINECRAFT, "minecraft", probe_minecraft, ANY)
ROW(RP_PROXY, "proxy", probe_proxy, FIRST("P\r"))
ROW(RP_DNS, "dns", probe_dns, FIRST("\0\1\2\3\4\5\6\7\010\011\012\013\014\015"
    "\016\017\020"))
ROW(RP_DNS_UDP, "dns-udp", probe_dns_udp, ANY)
