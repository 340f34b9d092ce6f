//! The few shapes that the pictures are made of, as SVG. Nothing is loaded from anywhere.

use std::fmt::{Display, Write as _};

/// The page's own colours (`web/tokens.json`): black, warm whites, one ember.
pub const STYLE: &str = "\
svg{background:#000;font-family:ui-sans-serif,-apple-system,'Segoe UI',Roboto,'Noto Sans','Helvetica Neue',sans-serif}\
text{fill:#a8a49c;font-size:12px}\
.title{fill:#edeae4;font-size:26px;font-weight:500;letter-spacing:-.018em}\
.head{fill:#edeae4;font-size:15px}.ink{fill:#edeae4}.dim{fill:#7a766f}.small{font-size:11px}\
.end{text-anchor:end}.middle{text-anchor:middle}\
.rule{stroke:#262421;stroke-width:1}.axis{stroke:#3a3733;stroke-width:1}\
.ember{fill:#f2b880}.ember-line{fill:none;stroke:#f2b880;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\
.ember-band{fill:#f2b880;opacity:.14}\
.truth{fill:none;stroke:#a8a49c;stroke-width:1.5;stroke-dasharray:2 4;stroke-linecap:round}";

/// A picture in the making.
#[derive(Debug, Clone)]
pub struct Svg {
    body: String,
    width: f64,
    height: f64,
}

impl Svg {
    /// An empty one, in pixels.
    pub fn new(width: f64, height: f64) -> Self {
        Self { body: String::new(), width, height }
    }

    /// A rectangle with round corners.
    pub fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64), round: f64) -> &mut Self {
        let (width, height) = (width.max(0.0), height.max(0.0));
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{round}\"/>"
        ))
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> &mut Self {
        self.put(format_args!("<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"))
    }

    /// A circle.
    pub fn circle(&mut self, class: &str, (x, y): (f64, f64), radius: f64) -> &mut Self {
        self.put(format_args!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>"))
    }

    /// Words.
    pub fn text(&mut self, class: &str, (x, y): (f64, f64), words: impl Display) -> &mut Self {
        let words = escape(&words.to_string());
        self.put(format_args!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>"))
    }

    /// Straight lines through points.
    pub fn path(&mut self, class: &str, points: &[(f64, f64)]) -> &mut Self {
        let data = data(points);
        self.put(format_args!("<path class=\"{class}\" d=\"{data}\"/>"))
    }

    /// The surface between two lines.
    pub fn band(&mut self, class: &str, above: &[(f64, f64)], below: &[(f64, f64)]) -> &mut Self {
        let around: Vec<_> = above.iter().chain(below.iter().rev()).copied().collect();
        let data = data(&around);
        self.put(format_args!("<path class=\"{class}\" d=\"{data}Z\"/>"))
    }

    /// What belongs together, with the words that are shown where a pointer rests on it.
    pub fn group(&mut self, told: impl Display, inside: impl FnOnce(&mut Self)) -> &mut Self {
        let told = escape(&told.to_string());
        self.put(format_args!("<g><title>{told}</title>"));
        inside(self);
        self.put(format_args!("</g>"))
    }

    /// The document; `says` tells it to who cannot see it, `style` is added to [`STYLE`].
    pub fn finish(&self, says: &str, style: &str) -> String {
        let Self { body, width, height } = self;
        let says = escape(says);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-label=\"{says}\"><style>{STYLE}{style}</style>\
             <rect width=\"100%\" height=\"100%\" fill=\"#000\"/>{body}</svg>"
        )
    }

    fn put(&mut self, what: std::fmt::Arguments<'_>) -> &mut Self {
        // Writing to a string does not fail.
        let _ = self.body.write_fmt(what);
        self
    }
}

/// Text that may stand in a document.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn data(points: &[(f64, f64)]) -> String {
    let mut data = String::new();
    for (place, (x, y)) in points.iter().enumerate() {
        let _ = write!(data, "{}{x:.1} {y:.1}", if place == 0 { 'M' } else { 'L' });
    }
    data
}
