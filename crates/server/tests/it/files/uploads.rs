//! What is taken and what is refused.

use db::{args, sql};
use serde_json::{Value, json};

use crate::support::files::samples::{gif, jpeg, pdf, png, webp};
use crate::support::files::{FILES, FORM, form};
use crate::support::{TestApp, app_test};

/// Nothing is left of what was refused: no row, no file, no half of one.
async fn nothing_is_kept(app: &TestApp) {
    let count = app.app.db.fetch_one(sql!("SELECT COUNT(*) AS n FROM files"), args![]).await;
    assert_eq!(count.unwrap().get::<i64>("n").unwrap(), 0);
    assert_eq!(app.files_on_disk(), Vec::<std::path::PathBuf>::new());
}

app_test!(a_file_is_what_its_bytes_say, async |app| {
    let buyer = app.buyer().await;
    let text = "Hello\nwörld".as_bytes().to_vec();
    for (name, bytes, mime, inline) in [
        ("a.png", png(3, 2), "image/png", true),
        ("b.JPG", jpeg(3, 2), "image/jpeg", true),
        ("c.gif", gif(3, 2), "image/gif", true),
        ("d.webp", webp(3, 2), "image/webp", true),
        ("e.pdf", pdf(), "application/pdf", false),
        ("ü f.txt", text, "text/plain; charset=utf-8", false),
    ] {
        let file = buyer.upload(name, &bytes).await;
        let mut expected = json!({
            "_id": file["_id"], "name": name, "mimeType": mime, "size": bytes.len(),
            "url": format!("{FILES}/{}", file["_id"].as_str().unwrap()),
            "createdAt": file["createdAt"],
        });
        if inline {
            expected["width"] = json!(3);
            expected["height"] = json!(2);
        }
        assert_eq!(file, expected);
        let url = file["url"].as_str().unwrap();
        let answer = buyer.get(url).send().await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.bytes, bytes);
        assert_eq!(answer.header("content-type"), Some(mime));
        assert_eq!(answer.header("content-length"), Some(bytes.len().to_string().as_str()));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        assert_eq!(policy, "default-src 'none'; sandbox");
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        let how = answer.header("content-disposition").unwrap();
        let expected = if inline { "inline; filename=" } else { "attachment; filename=" };
        assert!(how.starts_with(expected), "{how}");
        let tag = answer.header("etag").unwrap();
        let again = buyer.get(url).header("if-none-match", tag).send().await;
        assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    }
    // The random names in the store have nothing of the files' own; nothing is under way.
    let kept = app.files_on_disk();
    assert_eq!(kept.len(), 6);
    for path in kept {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit()),
            "{}",
            path.display()
        );
        assert!(!path.to_str().unwrap().contains("incoming"));
    }
    let named = buyer.upload("notes", b"text").await;
    assert_eq!(named["name"], "notes.txt");
});

app_test!(what_could_run_or_harm_is_refused, async |app| {
    let buyer = app.buyer().await;
    let and = |bytes: Vec<u8>, more: &[u8]| [bytes.as_slice(), more].concat();
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    for (name, bytes, status, code) in [
        ("a.svg", svg.to_vec(), 415, "file_type_not_allowed"),
        ("a.png", svg.to_vec(), 415, "file_type_not_allowed"),
        ("a.html", b"<!DOCTYPE html><p>x".to_vec(), 415, "file_type_not_allowed"),
        ("a.txt", b" <script>alert(1)</script>".to_vec(), 415, "file_type_not_allowed"),
        ("a.zip", b"PK\x03\x04\x14\0".to_vec(), 415, "file_type_not_allowed"),
        ("a.gz", b"\x1f\x8b\x08\0".to_vec(), 415, "file_type_not_allowed"),
        ("a.exe", b"MZ\x90\0\x03".to_vec(), 415, "file_type_not_allowed"),
        ("a.txt", Vec::new(), 415, "file_type_not_allowed"),
        ("a.html", b"no markup".to_vec(), 422, "file_name_mismatch"),
        ("a.pdf.exe", pdf(), 422, "file_name_mismatch"),
        ("a.png", jpeg(3, 2), 422, "file_name_mismatch"),
        ("a.png", and(png(3, 2), b"PK\x03\x04"), 422, "file_malformed"),
        ("a.jpg", and(jpeg(3, 2), b"<?php evil(); ?>"), 422, "file_malformed"),
        ("a.gif", b"GIF89a/*<svg/onload=alert(1)>*/=1;".to_vec(), 422, "file_malformed"),
        ("a.pdf", and(pdf(), &[b'x'; 2000]), 422, "file_malformed"),
        ("a.png", png(3, 2)[..40].to_vec(), 422, "file_malformed"),
        ("a.png", png(30_000, 30_000), 422, "image_too_large"),
        ("a.jpg", jpeg(65_535, 65_535), 422, "image_too_large"),
    ] {
        let answer = buyer.uploading(name, &bytes).send().await;
        answer.error(status, code);
    }
    for name in
        ["../../etc/passwd.txt", "a/b.txt", "..", ".htaccess", "a\u{202e}gnp.txt", "C:x.txt", ""]
    {
        let answer = buyer.uploading(name, b"text").send().await;
        answer.invalid(&["file"]);
    }
    nothing_is_kept(app).await;
});

app_test!(a_file_has_a_bound, [("FILES_MAX", "100KiB")], async |app| {
    let buyer = app.buyer().await;
    let text = |length: usize| vec![b'x'; length];
    for length in [100 * 1024 + 1, 165 * 1024, 2_000_000] {
        let answer = buyer.uploading("a.txt", &text(length)).send().await;
        answer.error(413, "payload_too_large");
    }
    // Said beforehand, and not even read.
    let request = buyer.uploading("a.txt", b"x").header("content-length", "99999999999");
    request.send().await.error(413, "payload_too_large");
    nothing_is_kept(app).await;
    let file = buyer.upload("a.txt", &text(100 * 1024)).await;
    assert_eq!(file["size"], 100 * 1024);
});

app_test!(a_form_has_one_file, async |app| {
    let buyer = app.buyer().await;
    let post = |kind: &str, body: Vec<u8>| buyer.post(FILES).raw(kind, body).send();
    let file = ("file", Some("a.txt"), b"text".as_slice());
    for kind in ["application/json", "multipart/form-data", "text/plain", ""] {
        post(kind, form(&[file])).await.error(415, "unsupported_media_type");
    }
    post(FORM, Vec::new()).await.error(400, "malformed_form");
    let cut = form(&[file]);
    post(FORM, cut[..cut.len() - 10].to_vec()).await.error(400, "malformed_form");
    post(FORM, b"--part-of-a-form--\r\n".to_vec()).await.invalid(&["file"]);
    post(FORM, form(&[file, file])).await.invalid(&["file"]);
    post(FORM, form(&[("file", None, b"text")])).await.invalid(&["file"]);
    post(FORM, form(&[("other", Some("a.txt"), b"text")])).await.invalid(&["other"]);
    post(FORM, form(&[file, ("other", None, b"x")])).await.invalid(&["other"]);
    nothing_is_kept(app).await;
    let anonymous = app.post(FILES).raw(FORM, form(&[file])).send().await;
    anonymous.error(401, "unauthorized");
    let cookie = app.post(FILES).raw(FORM, form(&[file])).cookie("accessToken", &buyer.token);
    cookie.send().await.error(403, "origin_not_allowed");
    assert_eq!(post(FORM, form(&[file])).await.data(201)["size"], Value::from(4));
});
