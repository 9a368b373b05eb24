// refractium's own registry on the payloads of its own benchmark, timed as
// probe_run.c times ours: a line of each payload's name and nanoseconds.
use refractium::protocols::{
    DynamicProtocol, ProtocolRegistry, dns::Dns, ftp::Ftp, http::Http, https::Https, ssh::Ssh,
};
use std::{hint::black_box, sync::Arc, time::Instant};

const ROUNDS: usize = 401;
const TIMES: usize = 4096;

fn registry() -> ProtocolRegistry {
    let mut r = ProtocolRegistry::new();
    r.register(Arc::new(Http));
    r.register(Arc::new(Https));
    r.register(Arc::new(Ssh));
    r.register(Arc::new(Ftp));
    r.register(Arc::new(Dns));
    r.register(Arc::new(DynamicProtocol {
        name: "Minecraft".to_string(),
        patterns: vec!["\x00\x04\x03\x01\x07".to_string(), "\u{00fe}\x01".to_string()],
    }));
    r
}

fn hello() -> Vec<u8> {
    let mut h = vec![
        0x16, 0x03, 0x01, 0x00, 0xba, 0x01, 0x00, 0x00, 0xb6, 0x03, 0x03, 0xfa,
    ];
    h.extend([0xaf; 31]);
    h.extend([0, 0, 2, 0, 0x2f, 1, 0, 0, 0x8b, 0, 0, 0, 0x0f, 0, 0x0d, 0, 0, 0x0a]);
    h.extend(b"google.com");
    h
}

fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

fn median(mut one: impl FnMut(usize)) -> f64 {
    let mut took: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..TIMES).for_each(&mut one);
            start.elapsed().as_nanos() as f64 / TIMES as f64
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took[ROUNDS / 2]
}

fn main() {
    let mut seed = std::process::id() as u64 + 88172645463325252;
    let noise: Vec<u8> = (0..64).map(|_| (next(&mut seed) >> 24) as u8).collect();
    let payloads = [
        ("http", b"GET /index.html HTTP/1.1\r\nHost: example.com\r\n\r\n".to_vec()),
        ("ssh", b"SSH-2.0-OpenSSH_8.2p1 Ubuntu-4ubuntu0.1\r\n".to_vec()),
        ("tls", hello()),
        ("dns", b"\x24\x1a\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01".to_vec()),
        ("ftp", b"USER anonymous\r\n".to_vec()),
        ("minecraft", b"\xfe\x01\xfa\0\x0b\0M\0C\0|\0P\0i\0n\0g\0H\0o\0s\0t".to_vec()),
        ("random", noise),
        ("zeros", vec![0; 128]),
        ("1400", vec![b'A'; 1400]),
    ];
    let mix: Vec<usize> = (0..4096).map(|_| (next(&mut seed) % 7) as usize).collect();
    let r = registry();
    for (name, p) in &payloads {
        let ns = median(|_| drop(black_box(r.probe(black_box(p)))));
        println!("{name} {ns:.1}");
    }
    let ns = median(|i| drop(black_box(r.probe(black_box(&payloads[mix[i % 4096]].1)))));
    println!("mixed {ns:.1}");
}
