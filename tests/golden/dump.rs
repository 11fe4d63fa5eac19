//! DER as text: an element a line, what is nested indented, OIDs by name. Independent of the library's own reader.

use std::fmt::Write;

const NAMES: &[(&str, &str)] = &[
    ("1.2.392.200149.8.5.1.0.20", "policy: signing, test environment"),
    ("1.2.392.200149.8.5.1.3.30", "policy: authentication"),
    ("1.2.392.200149.8.5.5.1", "fact: name"),
    ("1.2.392.200149.8.5.5.2", "fact: flags of the name"),
    ("1.2.392.200149.8.5.5.3", "fact: sex"),
    ("1.2.392.200149.8.5.5.4", "fact: birth"),
    ("1.2.392.200149.8.5.5.5", "fact: address"),
    ("1.2.392.200149.8.5.5.6", "fact: flags of the address"),
    ("1.2.840.113549.1.1.1", "rsaEncryption"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess"),
    ("1.3.6.1.5.5.7.2.1", "CPS"),
    ("1.3.6.1.5.5.7.3.1", "serverAuth"),
    ("1.3.6.1.5.5.7.3.2", "clientAuth"),
    ("1.3.6.1.5.5.7.3.9", "OCSPSigning"),
    ("1.3.6.1.5.5.7.48.1", "OCSP"),
    ("1.3.6.1.5.5.7.48.1.1", "id-pkix-ocsp-basic"),
    ("1.3.6.1.5.5.7.48.1.2", "nonce"),
    ("1.3.6.1.5.5.7.48.1.5", "nocheck"),
    ("1.3.6.1.5.5.7.48.1.6", "archiveCutoff"),
    ("1.3.6.1.5.5.7.48.1.9", "extended-revoke"),
    ("1.3.6.1.5.5.7.48.2", "caIssuers"),
    ("1.3.14.3.2.26", "sha1"),
    ("2.16.840.1.101.3.4.2.1", "sha256"),
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.29.14", "subjectKeyIdentifier"),
    ("2.5.29.15", "keyUsage"),
    ("2.5.29.17", "subjectAltName"),
    ("2.5.29.18", "issuerAltName"),
    ("2.5.29.19", "basicConstraints"),
    ("2.5.29.20", "cRLNumber"),
    ("2.5.29.21", "reasonCode"),
    ("2.5.29.24", "invalidityDate"),
    ("2.5.29.27", "deltaCRLIndicator"),
    ("2.5.29.28", "issuingDistributionPoint"),
    ("2.5.29.46", "freshestCRL"),
    ("2.5.29.31", "cRLDistributionPoints"),
    ("2.5.29.32", "certificatePolicies"),
    ("2.5.29.35", "authorityKeyIdentifier"),
    ("2.5.29.37", "extKeyUsage"),
];

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

/// The first element and what follows it; nothing unless the length is definite, minimal and not too long.
fn element(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let count = usize::from(first & 0x7F);
        let (octets, after) = rest.split_at_checked(count)?;
        length = octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
        let minimal = octets.first().is_some_and(|octet| *octet != 0) && length >= 0x80;
        rest = after;
        if !minimal || count > 3 {
            return None;
        }
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some((Element { tag, content }, rest))
}

/// Whether the octets are one universal element and no more: then a string is shown as what is in it.
fn is_wrapped(content: &[u8]) -> bool {
    let universal = [0x01, 0x02, 0x03, 0x04, 0x05, 0x0A, 0x18, 0x30];
    element(content).is_some_and(|(inner, rest)| {
        let whole = inner.tag != 0x30 || children(inner.content).is_some();
        rest.is_empty() && universal.contains(&inner.tag) && whole
    })
}

fn children(mut content: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut all = Vec::new();
    while !content.is_empty() {
        let (child, rest) = element(content)?;
        all.push(child);
        content = rest;
    }
    Some(all)
}

pub(crate) fn dump(der: &[u8]) -> String {
    let mut out = String::new();
    for child in children(der).expect("DER") {
        write(&mut out, 0, &child);
    }
    out
}

fn write(out: &mut String, depth: usize, element: &Element<'_>) {
    let Element { tag, content } = element;
    let name = match tag {
        0x01 => "BOOLEAN".into(),
        0x02 => "INTEGER".into(),
        0x03 => "BIT STRING".into(),
        0x04 => "OCTET STRING".into(),
        0x05 => "NULL".into(),
        0x06 => "OID".into(),
        0x0A => "ENUMERATED".into(),
        0x0C => "UTF8String".into(),
        0x13 => "PrintableString".into(),
        0x16 => "IA5String".into(),
        0x17 => "UTCTime".into(),
        0x18 => "GeneralizedTime".into(),
        0x30 => "SEQUENCE".into(),
        0x31 => "SET".into(),
        _ if tag & 0xC0 == 0x80 => format!("[{}]", tag & 0x1F),
        _ => format!("TAG {tag:02X}"),
    };
    let _ = write!(out, "{:indent$}{name}", "", indent = depth * 2);
    if tag & 0x20 != 0 {
        out.push('\n');
        let all = children(content).expect("what is constructed holds elements");
        return all.iter().for_each(|child| write(out, depth + 1, child));
    }
    match tag {
        0x04 if is_wrapped(content) => {
            out.push_str(" wraps\n");
            write(out, depth + 1, &element_of(content));
        }
        // A public key's bits; keyUsage and signatures stay octets.
        0x03 if content.len() > 100 && is_wrapped(&content[1..]) => {
            let _ = writeln!(out, " {:02X} wraps", content[0]);
            write(out, depth + 1, &element_of(&content[1..]));
        }
        0x06 => {
            let oid = oid(content);
            let name = NAMES.iter().find(|(known, _)| *known == oid).map_or("?", |(_, name)| name);
            let _ = writeln!(out, " {oid} ({name})");
        }
        0x0C | 0x13 | 0x16 | 0x17 | 0x18 => text(out, content),
        _ if tag & 0xC0 == 0x80 && content.len() > 8 && content.iter().all(|octet| (0x20..0x7F).contains(octet)) => {
            text(out, content);
        }
        _ => hex(out, depth, content),
    }
}

fn element_of(der: &[u8]) -> Element<'_> {
    element(der).expect("one element").0
}

fn text(out: &mut String, content: &[u8]) {
    let _ = writeln!(out, " {:?} ({} octets)", std::str::from_utf8(content).expect("UTF-8"), content.len());
}

fn hex(out: &mut String, depth: usize, content: &[u8]) {
    for (number, line) in content.chunks(32).enumerate() {
        let octets: String = line.iter().map(|octet| format!("{octet:02X}")).collect();
        match number {
            0 => out.push(' '),
            _ => {
                let _ = write!(out, "\n{:indent$}", "", indent = depth * 2 + 2);
            }
        }
        out.push_str(&octets);
    }
    out.push('\n');
}

fn oid(content: &[u8]) -> String {
    let mut arcs = Vec::new();
    let mut arc = 0u64;
    for octet in content {
        arc = arc << 7 | u64::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            arcs.push(std::mem::take(&mut arc));
        }
    }
    let first = (arcs[0] / 40).min(2);
    let rest = arcs[1..].iter().map(u64::to_string);
    let all: Vec<String> = [first.to_string(), (arcs[0] - first * 40).to_string()].into_iter().chain(rest).collect();
    all.join(".")
}
