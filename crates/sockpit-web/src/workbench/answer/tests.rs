use hyper::header::CONTENT_DISPOSITION;

use super::super::body::{Body, Download};

#[test]
fn f4_a_download_is_never_shown_whatever_it_is_called() {
    for (name, expected) in [
        (
            "a.txt",
            "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt",
        ),
        (
            "温 度.csv",
            "attachment; filename=\"___.csv\"; filename*=UTF-8''%E6%B8%A9%20%E5%BA%A6.csv",
        ),
        (
            "a\"; x=\r\n../b",
            "attachment; filename=\"a___x___.._b\"; filename*=UTF-8''a%22%3B%20x%3D%0D%0A.._b",
        ),
    ] {
        let download = Download {
            name: name.to_owned(),
            body: Body::empty(),
        };
        let response = super::download(download);
        let headers = response.headers();
        assert_eq!(headers[CONTENT_DISPOSITION], expected);
        assert_eq!(headers["content-type"], "application/octet-stream");
        assert_eq!(headers["x-content-type-options"], "nosniff");
    }
}
