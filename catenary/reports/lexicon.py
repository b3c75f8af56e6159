"""What sources, measurements and reasons are called in Chinese and English.

The one place for these words; components and conditions are named by the taxonomy. A test fails
for a rule, a measurement or a reason that has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from catenary.domain.change import Change, Incomparable, Uncompared
from catenary.domain.defect_loop import Conclusion, Found, LoopState, Step
from catenary.domain.finding import Verdict
from catenary.domain.inherit import Inherited
from catenary.domain.place import Direction
from catenary.domain.refusal import Unjudged
from catenary.domain.review import Act, Role, State


@dataclass(frozen=True, slots=True)
class Words:
    """The same in both languages; a phrase may have ``{places}`` to fill.

    Attributes:
        zh: Chinese.
        en: English.
    """

    zh: str
    en: str

    def filled(self, **places: "Words") -> "Words":
        """Return this phrase with its places filled, each language with its own words."""
        return Words(
            self.zh.format_map({name: one.zh for name, one in places.items()}),
            self.en.format_map({name: one.en for name, one in places.items()}),
        )

    def both(self) -> str:
        """Return the Chinese and the English words side by side."""
        return self.zh if self.zh == self.en else f"{self.zh} {self.en}"


class Form(StrEnum):
    """How a number is written."""

    PLAIN = "plain"  # with its unit
    SHARE = "share"  # in percent


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a measurement is called and how its numbers are written.

    Attributes:
        name: What it is called.
        form: How its numbers are written.
        is_least: Whether a sound part has at least the limit, and not at most.
    """

    name: Words
    form: Form = Form.PLAIN
    is_least: bool = False


def _share(zh: str, en: str, is_least: bool = False) -> Quantity:
    return Quantity(Words(zh, en), Form.SHARE, is_least)


def _plain(zh: str, en: str, is_least: bool = False) -> Quantity:
    return Quantity(Words(zh, en), is_least=is_least)


# By the name of the measurement, or by source and name where one source means something else.
QUANTITIES: Mapping[str, Quantity] = {
    "longest_gap": _share("最长缺线段", "longest stretch without wire"),
    "coverage": _share("可见线长占比", "length on which wire is seen"),
    "end_width": _plain("线端宽度", "width at the end of the wire", is_least=True),
    "empty_between": _share("两线夹间空白", "nothing between the clamps"),
    "beyond_end": _share("线端外空白段", "nothing beyond the end of the wire"),
    "bow": _share("弯曲量", "distance from the straight line"),
    "fit": _share("线形吻合度", "share of the wire on one line or bow"),
    "wire_strength": _plain("线的清晰度", "clearness of the wire"),
    "period": _plain("伞裙间距", "distance of the sheds"),
    "sheds": _plain("伞裙数", "sheds"),
    "likeness_drop": _share("相似度下降", "likeness to a shed lost"),
    "insulator_shed_spacing.longest_gap": _plain(
        "最大间隔（伞裙间距的倍数）", "longest gap, in sheds"
    ),
    "foreign_share": _share("异常灰度占比", "share unlike the string's own greys"),
    "place_contrast": _share("该处对比度与伞裙之比", "contrast of the place, of a shed's"),
    "rhythm": _plain("伞裙排列规律性", "evenness of the row of sheds"),
    "likeness": _share("伞裙相似度", "likeness of the sheds"),
    "notch": _share("伞裙边缘缺口（占伞裙高度）", "notch, of the height of the sheds"),
    "notch_scatter": _plain("缺口与同侧通常差异之比", "notch over the usual scatter of its side"),
    "notch_depth": _plain("缺口深度", "depth of the notch"),
    "blotched": _share("与相邻伞裙的明暗差异", "difference of a shed's face from its neighbours'"),
    "covered": _plain("遮盖面积（伞裙数）", "area covered, in sheds"),
    "beside": _plain("伸出面积（伞裙数）", "area beside the sheds, in sheds"),
    "darkening": _share("变暗程度", "darkening"),
    "robust_z": _plain("与邻近伞裙差异的倍数", "times the usual difference of neighbouring sheds"),
    "wire_contrast": _share("销体对比度", "contrast of the pin's wire", is_least=True),
    "hole_darkness": _share("孔的暗度", "darkness of the hole"),
    "leg_angle": _plain("销腿张角", "angle between the legs", is_least=True),
    "free_shank": _plain("外露销杆长度", "shank seen between head and bolt"),
    "shank_share": _share("外露销杆占比", "shank seen, of the pin's box"),
    "protrusion": _plain("螺纹外露长度", "thread beyond the nut"),
    "free_thread": _plain("无螺母的螺纹长度", "thread without a nut"),
    "nut_edges": _share("螺母边缘清晰度", "clearness of the nut's edges", is_least=True),
    "nut_gap": _plain("螺母与支承面间隙", "thread between nut and seat"),
    "bolt_marking.outline": _plain("螺栓轮廓清晰度", "clearness of its outline", is_least=True),
    "marking_angle": _plain("防松标记错开角度", "angle between the pieces of its line"),
    "plate_line": _plain(
        "板上标记的亮度（对数）", "line on the plate over its sides, logarithm", is_least=True
    ),
    "nut_line": _plain(
        "螺母上标记的亮度（对数）", "line on the nut over its sides, logarithm", is_least=True
    ),
    "thread_length": _plain("外露螺纹像素长度", "length of the thread seen"),
    "thread_diameter": _plain("螺纹直径", "diameter of the thread"),
    "bolt_hole.hole_darkness": _share("空孔比周围暗", "hole darker than around it"),
    "hole_beyond": _share("比其他支柱同处更暗", "darker than at this place of other masts"),
    "hole_diameter": _plain("孔径", "diameter of the hole"),
    "hole_roundness": _share("孔的椭圆吻合度", "likeness of the hole to an ellipse"),
    "thinning": _share("变细程度", "thinner than beside"),
    "messenger_thinning.robust_z": _plain("与正常波动之比", "times its usual scatter"),
    "width_lost": _plain("变细量", "width lost"),
    "usual_width": _plain("正常线宽", "usual width"),
    "longest_strand": _plain("最长散股", "longest strand"),
    "strands": _plain("散股数", "strands"),
    "strand_angle": _plain("散股角度", "angle of the strand"),
    "side_loss": _share("单侧磨耗", "lost on one side"),
    "side_lost": _plain("单侧磨耗量", "width lost on one side"),
    "face_widening": _share("磨耗面变宽", "running face wider than beside"),
    "face_widened": _plain("磨耗面变宽量", "width gained by the running face"),
    "usual_face": _plain("两侧磨耗面宽", "running face beside"),
    "wire_width": _plain("线宽", "width of the wire"),
    "usual_face_share": _share("磨耗面占线宽", "running face's share of the wire's width"),
    "kink": _plain("弯折角", "bend"),
    "brightness_change": _plain("明暗变化倍数", "times brighter or darker"),
    "roughness": _plain("粗糙度倍数", "times as rough"),
    "steady_arm_shape.bow": _share("偏离两端连线", "distance from the line between its ends"),
    "cantilever_shape.bow": _share("偏离两端连线", "distance from the line between its ends"),
    "off_curve": _share("偏离平滑曲线", "distance from an even curve"),
    "slope": _plain("倾斜角", "slope"),
    "held": _share(
        "端部有连接的占比", "share of an end's surroundings that could hold it", is_least=True
    ),
    "arm_angle": _plain("定位器角度", "angle of the arm"),
    "arm_length": _plain("定位器长度", "length of the arm"),
    "tube_angle": _plain("管的角度", "angle of the tube"),
    "tube_length": _plain("管的长度", "length of the tube"),
    "spacing": _plain("到下一根吊弦的距离（通常间距的倍数）", "distance to the next dropper"),
    "distance_ahead": _plain("到下一根吊弦的距离", "distance to the next dropper"),
    "usual_distance": _plain("通常间距", "usual distance"),
    "thickness": _plain("厚度（按部件尺寸估算）", "thickness, as fittings tell sizes"),
    "foreign_object_bulk.roughness": _share("细密纹理占比", "share of fine structure"),
    "edge_rise": _share("边缘过渡占线宽", "rise of the edges, of the width"),
    "edges_seen": _share("可见边缘占比", "length on which edges are seen"),
    "unevenness": _share("线宽波动", "variation of the width"),
    "shorter_side": _plain("短边", "shorter side"),
    "length": _plain("长度", "length"),
    "width": _plain("宽度", "width"),
    "contrast": _plain("对比度", "contrast"),
    "blur": _plain("模糊宽度", "blur of the edges"),
    "anomaly.distance": _plain("与正常部件的差异", "distance from normal parts"),
    "displacement": _plain("位移", "distance that it moved"),
    "turn": _plain("转角", "angle that it turned by"),
    "picture_likeness": _share("两张照片相似度", "likeness of the two pictures", is_least=True),
    "unlikeness": _plain("与标定图像的差异", "distance from pictures calibrated on"),
}

UNITS: Mapping[str, Words] = {
    "1": Words("{number}", "{number}"),
    "deg": Words("{number}°", "{number}°"),
    "px": Words("{number} 像素", "{number} px"),
    "mm": Words("{number} 毫米", "{number} mm"),
    "m": Words("{number} 米", "{number} m"),
    "usual distances": Words("{number} 倍", "{number} × the usual distance"),
    "grey levels": Words("{number} 灰度级", "{number} grey levels"),
    "tube widths": Words("{number} 倍管宽", "{number} × tube width"),
    "shank widths": Words("{number} 倍销杆宽", "{number} × shank width"),
    "wire widths": Words("{number} 倍线宽", "{number} × wire width"),
    "thread diameters": Words("{number} 倍螺纹直径", "{number} × thread diameter"),
}

SHARE = Words("{number} %", "{number} %")

# By the name of the source, without its version.
SOURCES: Mapping[str, Words] = {
    "classifier": Words("神经网络", "network"),
    "anomaly": Words("异常评分", "anomaly score"),
    "dropper_continuity": Words("吊弦连续性", "dropper continuity"),
    "dropper_free_end": Words("吊弦线端", "dropper ends"),
    "dropper_slack": Words("吊弦弯曲", "dropper straightness"),
    "dropper_absence": Words("吊弦有无", "dropper present"),
    "dropper_spacing": Words("吊弦间距", "distance of the droppers"),
    "insulator_shed_spacing": Words("伞裙排列", "row of sheds"),
    "insulator_surface": Words("伞裙明暗", "brightness of sheds"),
    "insulator_outline": Words("伞裙轮廓", "outline of the sheds"),
    "insulator_dirt": Words("伞裙脏污", "evenness of the sheds' faces"),
    "insulator_foreign": Words("绝缘子附着物", "something that hangs on the insulator"),
    "split_pin_presence": Words("开口销有无", "split pin present"),
    "split_pin_opening": Words("开口销张开", "split pin opened"),
    "split_pin_shank": Words("开口销到位", "split pin seated"),
    "bolt_nut": Words("螺母有无", "nut present"),
    "bolt_seat": Words("螺母贴合", "nut on its seat"),
    "bolt_hole": Words("螺栓孔", "hole of the bolt"),
    "bolt_marking": Words("防松标记", "marking line of the nut"),
    "messenger_thinning": Words("承力索线宽", "messenger wire's width"),
    "messenger_strands": Words("承力索散股", "messenger wire's strands"),
    "dropper_strands": Words("吊弦散股", "dropper's strands"),
    "messenger_burn": Words("承力索烧伤", "burn of the messenger wire"),
    "contact_wear": Words("接触线磨耗", "contact wire's wear"),
    "contact_face": Words("接触线磨耗面", "contact wire's running face"),
    "contact_kink": Words("接触线硬弯", "contact wire's bend"),
    "contact_burn": Words("接触线烧伤", "burn of the contact wire"),
    "steady_arm_shape": Words("定位器弯曲", "steady arm's straightness"),
    "steady_arm_slope": Words("定位器倾斜", "steady arm's slope"),
    "steady_arm_ends": Words("定位器端部", "steady arm's ends"),
    "cantilever_shape": Words("腕臂弯曲", "cantilever's straightness"),
    "foreign_object_bulk": Words("异物", "something that hangs there"),
    "bolt_place": Words("与其他支柱对比：螺栓孔", "hole of the bolt, beside other masts"),
    "mast_part_gone": Words("与上次对比：消失", "gone since the earlier run"),
    "mast_part_moved": Words("与上次对比：移位", "moved since the earlier run"),
    "mast_part_turned": Words("与上次对比：转动", "turned since the earlier run"),
    "mast_part_altered": Words("与上次对比：外观改变", "looks otherwise than in the earlier run"),
}

_BURNT = Words(
    "一处明暗变化 {brightness_change} 倍（限值 {limit_brightness_change} 倍），"
    "粗糙度为两侧的 {roughness} 倍（限值 {limit_roughness} 倍）",
    "one stretch is {brightness_change} times brighter or darker (limit "
    "{limit_brightness_change}) and {roughness} times as rough as the rest (limit "
    "{limit_roughness})",
)

# What a rule has seen that says defect; places are its measurements, ``limit_`` their limits.
SEEN: Mapping[str, Words] = {
    "dropper_continuity": Words(
        "全长 {longest_gap} 看不到吊弦线（限值 {limit_longest_gap}）",
        "{longest_gap} of its length shows no wire (limit {limit_longest_gap})",
    ),
    "dropper_free_end": Words(
        "线端悬空，未与线夹连接：端部仅宽 {end_width}（有线夹时至少 {limit_end_width}）",
        "an end of its wire hangs free, in no clamp: it is {end_width} wide there (a clamp: "
        "{limit_end_width} or more)",
    ),
    "dropper_absence": Words(
        "两线夹之间 {empty_between} 空无一物（限值 {limit_empty_between}）",
        "{empty_between} of the way between its clamps shows nothing (limit {limit_empty_between})",
    ),
    "dropper_spacing": Words(
        "到下一根吊弦 {distance_ahead}，为通常间距 {usual_distance} 的 {spacing}"
        "（限值 {limit_spacing}）",
        "the next dropper is {distance_ahead} away, {spacing} of {usual_distance} "
        "(limit {limit_spacing})",
    ),
    "dropper_slack": Words(
        "吊弦线偏离直线达全长的 {bow}（限值 {limit_bow}）",
        "its wire leaves the straight line by {bow} of its length (limit {limit_bow})",
    ),
    "insulator_shed_spacing": Words(
        "一处缺少伞裙：与伞裙的相似度比两侧低 {likeness_drop}（限值 {limit_likeness_drop}）",
        "one place shows no shed: it looks {likeness_drop} less like one than both its sides "
        "(limit {limit_likeness_drop})",
    ),
    "insulator_surface": Words(
        "最暗的伞裙比两侧较亮的伞裙暗 {darkening}（限值 {limit_darkening}），"
        "为通常差异的 {robust_z} 倍（限值 {limit_robust_z} 倍）",
        "the darkest shed is {darkening} darker than the bright ones to both its sides (limit "
        "{limit_darkening}), {robust_z} times the usual difference (limit {limit_robust_z})",
    ),
    "insulator_outline": Words(
        "一片伞裙的边缘比同侧其他伞裙短 {notch}（限值 {limit_notch}），"
        "为通常差异的 {notch_scatter} 倍（限值 {limit_notch_scatter} 倍）",
        "one shed reaches less far out than the others on its side, by {notch} of their height "
        "(limit {limit_notch}), {notch_scatter} times the usual scatter (limit "
        "{limit_notch_scatter})",
    ),
    "insulator_dirt": Words(
        "伞裙表面斑驳：与相邻伞裙同一位置的明暗相差 {blotched}（限值 {limit_blotched}）",
        "its sheds are blotched: places on them differ by {blotched} from the same places of their "
        "neighbours (limit {limit_blotched})",
    ),
    "insulator_foreign": Words(
        "有异物遮住 {covered} 片伞裙的面积（限值 {limit_covered}），并伸出轮廓外 {beside} 片"
        "（限值 {limit_beside}）",
        "something covers the area of {covered} sheds (limit {limit_covered}) and {beside} beside "
        "them (limit {limit_beside})",
    ),
    "split_pin_presence": Words(
        "框内看不到销体：对比度仅 {wire_contrast}（有销时至少 {limit_wire_contrast}）",
        "no pin stands out in the box: {wire_contrast} contrast (a pin: {limit_wire_contrast} or "
        "more)",
    ),
    "split_pin_opening": Words(
        "销腿张角仅 {leg_angle}（限值 {limit_leg_angle}）",
        "its legs spread by {leg_angle} only (limit {limit_leg_angle})",
    ),
    "split_pin_shank": Words(
        "销头未贴住螺栓，其间露出销杆，长 {free_shank}（限值 {limit_free_shank}）",
        "its head stands off the bolt: bare shank shows between them, {free_shank} long (limit "
        "{limit_free_shank})",
    ),
    "bolt_nut": Words(
        "螺纹外露 {free_thread} 而看不到螺母（限值 {limit_free_thread}）",
        "{free_thread} of thread stand free without a nut (limit {limit_free_thread})",
    ),
    "bolt_seat": Words(
        "螺母与支承面之间露出螺纹 {nut_gap}（限值 {limit_nut_gap}）",
        "{nut_gap} of thread show between nut and seat (limit {limit_nut_gap})",
    ),
    "bolt_marking": Words(
        "螺母上的防松标记与板上的错开 {marking_angle}（限值 {limit_marking_angle}）",
        "the marking line on its nut has turned by {marking_angle} against that on the plate "
        "(limit {limit_marking_angle})",
    ),
    "bolt_hole": Words(
        "孔中无螺栓：圆斑比周围暗 {hole_darkness}（限值 {limit_hole_darkness}）",
        "its hole is empty: a round spot is {hole_darkness} darker than the face around it "
        "(limit {limit_hole_darkness})",
    ),
    "messenger_thinning": Words(
        "一处比两侧细 {thinning}（限值 {limit_thinning}），"
        "为正常波动的 {robust_z} 倍（限值 {limit_robust_z} 倍）",
        "one place is {thinning} thinner than beside (limit {limit_thinning}), {robust_z} times "
        "its usual scatter (limit {limit_robust_z})",
    ),
    "dropper_strands": Words(
        "有散股伸出，长 {longest_strand}（限值 {limit_longest_strand}）",
        "a strand stands off it, {longest_strand} long (limit {limit_longest_strand})",
    ),
    "messenger_strands": Words(
        "有散股伸出，长 {longest_strand}（限值 {limit_longest_strand}）",
        "a strand stands off it, {longest_strand} long (limit {limit_longest_strand})",
    ),
    "messenger_burn": _BURNT,
    "contact_wear": Words(
        "一侧磨去线宽的 {side_loss}（限值 {limit_side_loss}），另一侧完好",
        "{side_loss} of its width is gone on one side (limit {limit_side_loss}) and not on the "
        "other",
    ),
    "contact_face": Words(
        "一处磨耗面比两侧宽出线宽的 {face_widening}（限值 {limit_face_widening}）",
        "its bright running face is wider at one place by {face_widening} of the wire's width "
        "(limit {limit_face_widening})",
    ),
    "contact_kink": Words(
        "一处弯折 {kink}（限值 {limit_kink}）",
        "it bends by {kink} at one place (limit {limit_kink})",
    ),
    "contact_burn": _BURNT,
    "steady_arm_shape": Words(
        "偏离两端连线达长度的 {bow}（限值 {limit_bow}）",
        "it leaves the line between its ends by {bow} of its length (limit {limit_bow})",
    ),
    "steady_arm_slope": Words(
        "与水平线夹角 {slope}（限值 {limit_slope}）",
        "it lies at {slope} to the level (limit {limit_slope})",
    ),
    "steady_arm_ends": Words(
        "一端悬空：端部周围仅 {held} 的范围有连接物（至少需要 {limit_held}）",
        "nothing holds one end: only {held} of its surroundings shows something that could "
        "({limit_held} needed)",
    ),
    "cantilever_shape": Words(
        "偏离两端连线达长度的 {bow}（限值 {limit_bow}）",
        "it leaves the line between its ends by {bow} of its length (limit {limit_bow})",
    ),
    "foreign_object_bulk": Words(
        "悬挂有不属于任何已检出部件的物体，厚约 {thickness}（限值 {limit_thickness}）",
        "something hangs there that belongs to no located part, about {thickness} thick (limit "
        "{limit_thickness})",
    ),
    "bolt_place": Words(
        "孔中无螺栓：圆斑比周围暗 {hole_darkness}（限值 {limit_hole_darkness}），"
        "比其他支柱同处暗 {hole_beyond}（限值 {limit_hole_beyond}）",
        "its hole is empty: a spot is {hole_darkness} darker than what is around it (limit "
        "{limit_hole_darkness}), {hole_beyond} more than at this place of other masts (limit "
        "{limit_hole_beyond})",
    ),
    "mast_part_gone": Words(
        "上次照片中有该部件，本次未检出，该处图像相似度仅 {picture_likeness}"
        "（仍在时至少 {limit_picture_likeness}）",
        "it was there in the earlier run and is not located now; its place looks like it by "
        "{picture_likeness} only (were it there: {limit_picture_likeness} or more)",
    ),
    "mast_part_moved": Words(
        "自上次以来移位 {displacement}（未动部件不超过 {limit_displacement}）",
        "it has moved by {displacement} since the earlier run (parts that did not: up to "
        "{limit_displacement})",
    ),
    "mast_part_turned": Words(
        "自上次以来转动 {turn}（未动部件不超过 {limit_turn}）",
        "it has turned by {turn} since the earlier run (parts that did not: up to {limit_turn})",
    ),
    "mast_part_altered": Words(
        "与上次照片的相似度仅 {picture_likeness}（未变部件至少 {limit_picture_likeness}）",
        "it looks like what it was by {picture_likeness} only (unchanged parts: "
        "{limit_picture_likeness} or more)",
    ),
}

# The same of rules that another number suffices for: told where the first keeps within its limit.
SEEN_ELSE: Mapping[str, Words] = {
    "steady_arm_shape": Words(
        "偏离平滑曲线达长度的 {off_curve}（限值 {limit_off_curve}）",
        "it leaves an even curve by {off_curve} of its length (limit {limit_off_curve})",
    ),
}

# By the code of `Unjudged`; ``value`` and ``limit`` are those of the first measurement.
REFUSALS: Mapping[str, Words] = {
    Unjudged.TOO_SMALL: Words(
        "目标太小，短边 {value}（至少需要 {limit}）",
        "too small, its shorter side is {value} ({limit} needed)",
    ),
    Unjudged.TOO_SHORT: Words(
        "目标太小，长 {value}（至少需要 {limit}）", "too small, {value} long ({limit} needed)"
    ),
    Unjudged.TOO_NARROW: Words(
        "可见区域太窄，宽 {value}（至少需要 {limit}）",
        "too little is seen of it, {value} wide ({limit} needed)",
    ),
    Unjudged.LOW_CONTRAST: Words(
        "对比度不足，{value}（至少需要 {limit}）", "too little contrast, {value} ({limit} needed)"
    ),
    Unjudged.BLURRED: Words(
        "图像模糊，边缘模糊 {value}（最多允许 {limit}）",
        "blurred, its edges are smeared by {value} (at most {limit} allowed)",
    ),
    Unjudged.CUT_OFF: Words("多侧超出画面", "it leaves the picture at several sides"),
    Unjudged.CUT_OFF_TOP: Words("上端超出画面", "it leaves the picture at the top"),
    Unjudged.CUT_OFF_BOTTOM: Words("下端超出画面", "it leaves the picture at the bottom"),
    Unjudged.CUT_OFF_LEFT: Words("左侧超出画面", "it leaves the picture on the left"),
    Unjudged.CUT_OFF_RIGHT: Words("右侧超出画面", "it leaves the picture on the right"),
    Unjudged.LITTLE_WIRE: Words(
        "仅在全长 {value} 上看到线（至少需要 {limit}）",
        "wire is seen on {value} of its length only ({limit} needed)",
    ),
    Unjudged.FAINT_WIRE: Words("线太淡，无法分辨是否缺线", "its wire is too faint to tell a gap"),
    Unjudged.NO_WIRE_END: Words("画面内看不到线端", "no end of its wire is in sight"),
    Unjudged.WIRE_NOT_FOLLOWED: Words(
        "仅在全长 {value} 上跟踪到线（至少需要 {limit}）",
        "its wire can be followed on {value} of the length only ({limit} needed)",
    ),
    Unjudged.NO_SINGLE_LINE: Words(
        "仅 {value} 的线在同一条直线或弧线上（至少需要 {limit}）",
        "only {value} of its wire lies on one line or bow ({limit} needed)",
    ),
    Unjudged.NO_ROW_OF_SHEDS: Words("看不到等距排列的伞裙", "no evenly spaced sheds are seen"),
    Unjudged.FINE_SHEDS: Words(
        "伞裙太密，间距 {value}（至少需要 {limit}）",
        "its sheds are too fine, {value} apart ({limit} needed)",
    ),
    Unjudged.FAINT_SHEDS: Words(
        "伞裙对比度不足，{value}（至少需要 {limit}）",
        "its sheds hardly stand out, by {value} ({limit} needed)",
    ),
    Unjudged.FEW_SHEDS: Words(
        "仅看到 {value} 片伞裙（至少需要 {limit} 片）",
        "only {value} sheds are seen ({limit} needed)",
    ),
    Unjudged.NO_SHED_LEARNT: Words(
        "伞裙彼此不相似：模糊、被遮挡或太暗",
        "its sheds do not look alike: blurred, hidden or too dark",
    ),
    Unjudged.UNLIKE_SHEDS: Words(
        "伞裙彼此相似度仅 {value}（至少需要 {limit}）",
        "its sheds look alike by {value} only ({limit} needed)",
    ),
    Unjudged.NO_OUTLINE: Words(
        "两侧背景不均匀或伞裙边缘不清，看不清轮廓",
        "its outline does not stand out from an even background on either side",
    ),
    Unjudged.NO_LEGS: Words("看不到一对销腿", "no pair of legs is seen"),
    Unjudged.NO_HEAD: Words("看不到带销杆的销头", "no head with a piece of shank is seen"),
    Unjudged.NO_WIRE: Words("框内看不到线", "no wire is seen to run through it"),
    Unjudged.THIN_WIRE: Words(
        "线太细，宽 {value}（至少需要 {limit}）", "too thin, {value} wide ({limit} needed)"
    ),
    Unjudged.SHORT_WIRE: Words(
        "可见线段太短，长 {value}（至少需要 {limit}）",
        "too short a stretch is seen, {value} ({limit} needed)",
    ),
    Unjudged.SOFT_EDGES: Words(
        "图像模糊，边缘过渡占线宽的 {value}（最多允许 {limit}）",
        "blurred, its edges rise over {value} of its width (at most {limit} allowed)",
    ),
    Unjudged.FEW_EDGES: Words(
        "仅在 {value} 的线段上看清边缘（至少需要 {limit}）",
        "its edges are found on {value} of it only ({limit} needed)",
    ),
    Unjudged.UNEVEN_WIRE: Words(
        "线宽波动 {value}（最多允许 {limit}），前后有其他物体",
        "its width varies by {value} (at most {limit} allowed), other things are before or behind",
    ),
    Unjudged.NO_PLACE: Words(
        "没有一处两侧的线都能看清", "nowhere is it seen well on both sides of a place"
    ),
    Unjudged.NO_FACE: Words(
        "磨耗面与线身分不开，占线宽的 {value}（最多 {limit}）",
        "its running face is not told from the rest of it, {value} of its width (at most {limit})",
    ),
    Unjudged.NO_END: Words(
        "管端在画面外，或背景杂乱",
        "its ends are outside the picture or before a restless background",
    ),
    Unjudged.NO_TUBE: Words("框内看不到管", "no tube is seen to end in it"),
    Unjudged.SHORT_TUBE: Words(
        "可见管段太短，长 {value}（至少需要 {limit}）",
        "too short a piece is seen, {value} ({limit} needed)",
    ),
    Unjudged.THIN_TUBE: Words(
        "管太细，宽 {value}（至少需要 {limit}）", "too thin, {value} wide ({limit} needed)"
    ),
    Unjudged.CROWDED: Words("线旁细物太多，无法分辨散股", "too many thin things are beside it"),
    Unjudged.NO_THREAD: Words("看不到螺栓外露的螺纹端", "no free end of its thread stands out"),
    Unjudged.NUT_UNSEEN: Words(
        "看清螺纹端，但该角度看不清螺母处",
        "the end of its thread is seen, but not where its nut belongs",
    ),
    Unjudged.NO_HOLE: Words(
        "看不到空孔，但不能由此认定螺栓完好",
        "no empty hole is seen, which does not say that the bolt is sound",
    ),
    Unjudged.NO_BOLT_SHAPE: Words(
        "看不清螺栓和螺母的轮廓，清晰度 {value}（至少需要 {limit}）",
        "thread and nut are not made out, clearness {value} ({limit} needed)",
    ),
    Unjudged.NUT_ASIDE: Words(
        "螺栓几乎正侧对或正对镜头，看不清板与螺母上的标记",
        "its bolt is seen from beside or end on, so that nut and plate do not show together",
    ),
    Unjudged.NO_MARKING: Words("看不到防松标记", "no marking line is seen"),
    Unjudged.ONE_PIECE: Words(
        "防松标记只看到一段：板上或螺母上的看不清",
        "only one piece of its marking line is seen, on the plate or on the nut",
    ),
    Unjudged.UNFAMILIAR: Words(
        "图像与标定时所见差别较大（{value}，通常不超过 {limit}），不采用神经网络的意见",
        "the picture is less like those it was calibrated on than is usual ({value}, usually up to"
        " {limit}), so the network is not heard",
    ),
    Unjudged.UNKNOWN_KIND: Words(
        "没有规则或神经网络判定该类部件", "no rule and no network judges parts of this kind"
    ),
    Unjudged.NO_SOURCE: Words(
        "目标太小，神经网络无法判定，且没有规则判定该类部件",
        "it is too small for the network, and no rule judges parts of this kind",
    ),
}

# Codes of photographs that were not judged.
FRAMES: Mapping[str, Words] = {
    "too_dark": Words("过暗", "too dark"),
    "saturated": Words("过曝", "over-exposed"),
    "empty": Words("画面无内容", "empty"),
    "blurred": Words("模糊", "blurred"),
    "zero_bytes": Words("空文件", "empty file"),
    "not_an_image": Words("不是图像", "not an image"),
    "truncated": Words("文件不完整", "truncated"),
    "damaged": Words("文件损坏", "damaged"),
    "unsupported": Words("格式不支持", "unsupported"),
    "too_large": Words("图像过大", "too large"),
    "missing": Words("文件缺失", "missing"),
    "locked": Words("文件被占用", "locked"),
    "worker_lost": Words("处理进程反复中断", "workers lost at it"),
}

# Lines that are drawn into the evidence picture.
ROLES: Mapping[str, Words] = {
    "was": Words("上次位置", "where it was"),
    "is": Words("现在位置", "where it is"),
    # Of a broken wire too: the path from clamp to clamp, where there is no wire as well.
    "wire": Words("跟踪的路径", "path that was followed"),
    "gap": Words("缺失处", "where it is missing"),
    "end": Words("悬空端", "free end"),
    "bow": Words("实际线形", "its course"),
    "chord": Words("两端连线", "straight line between the ends"),
    "shed": Words("检出的伞裙", "sheds found"),
    "darkened": Words("最暗的伞裙", "darkest shed"),
    "rim": Words("伞裙边缘", "ends of the sheds"),
    "chipped": Words("破损的伞裙", "chipped shed"),
    "soiled": Words("与相邻伞裙明暗不一的伞裙", "sheds unlike their neighbours"),
    "foreign_body": Words("异物", "foreign body"),
    "axis": Words("绝缘子轴线", "axis of the string"),
    "leg": Words("销腿", "leg"),
    "pin": Words("销体", "wire of the pin"),
    "shank": Words("露出的销杆", "bare shank"),
    "head": Words("销头", "head"),
    "thread": Words("螺纹", "thread"),
    "nut": Words("螺母", "nut"),
    "hole": Words("空孔", "empty hole"),
    "place": Words("应有螺栓处", "where a bolt belongs"),
    "line_on_plate": Words("板上的防松标记", "line on the plate"),
    "line_on_nut": Words("螺母上的防松标记", "line on the nut"),
    "turn": Words("错开角度", "angle between them"),
    "clamp": Words("线夹", "clamp"),
    "edge": Words("测得的边缘", "edge as measured"),
    "burn": Words("烧伤段", "burnt stretch"),
    "worn": Words("磨耗处", "worn stretch"),
    "kink": Words("弯折处", "kink"),
    "thin": Words("变细处", "thin place"),
    "strand": Words("散股", "strand"),
    "outline": Words("物体轮廓", "outline of the object"),
    "angle": Words("倾斜角", "angle to the level"),
    "level": Words("水平线", "level line"),
    "arm": Words("定位器轴线", "line of the arm"),
    "unusual": Words("最异常处", "most unusual"),
}

# Where droppers are missing from their row, for the command that lists them.
BOLT_PLACE = Words(
    "{fitting}：其他支柱的 {masts} 个同样零件中 {shown} 个此处有螺栓；{seen}",
    "{fitting}: {shown} of {masts} like it on other masts show a bolt here; {seen}",
)
ROW_GAP = Words(
    "{place}：{seen}，约缺 {missing} 根；{photographs}",
    "{place}: {seen}, about {missing} missing; {photographs}",
)
ROW_PHOTOGRAPHED = Words(
    "其间 {count} 张照片未检出吊弦", "{count} photographs between show no dropper"
)
ROW_UNPHOTOGRAPHED = Words("其间无照片", "no photograph between")
ROW_DENIED = Words("；相机 {cameras} 在其间检出吊弦", "; camera {cameras} shows a dropper between")

SCORE = Words("得分", "score")
# What the colours of `catenary.reports.pictures` are called, and what is told beside a picture.
COLOURS: Mapping[str, Words] = {
    "#ff5a4d": Words("红", "red"),
    "#e69f00": Words("橙", "orange"),
    "#f0e442": Words("黄", "yellow"),
    "#56b4e9": Words("蓝", "blue"),
    "#009e73": Words("绿", "green"),
    "#cc79a7": Words("粉", "pink"),
    "#ffffff": Words("白", "white"),
}
LEGEND = Words("图中{rest}。", "Drawn in {rest}.")
COLOUR_IS = Words("{colour}色为{roles}", "{colour}: {roles}")
ADJUSTED = Words("图像明暗已调整，便于查看", "light adjusted so that the part is seen")

# Parts of the sentences of `catenary.reports.words`.
STOP = Words("{rest}。", "{rest}.")
SEMICOLON = Words("；", "; ")
COMMA = Words("，", ", ")
SPACE = Words("", " ")
NUMBER = Words("{name} {value}（限值 {limit}）", "{name} {value} (limit {limit})")
HEAD = Words("{component}{condition}：{rest}", "{component} {condition}: {rest}")
HEAD_SHORT = Words("{condition}：{rest}", "{condition}: {rest}")
ALSO = Words("另外，{rest}", "also, {rest}")
BUT = Words("但{rest}。", "But {rest}.")
PROBABILITY = Words("缺陷概率 {chance}。", "Probability of a defect: {chance}.")
AGREES = Words("神经网络判断一致（得分 {score}）", "the network agrees (score {score})")
SAYS_SO = Words("由神经网络判定（得分 {score}）", "the network says so (score {score})")
SEES_SOMETHING = Words(
    "神经网络判断有缺陷（得分 {score}），最可能为此类（{top}）",
    "the network sees a defect (score {score}), most likely this one ({top})",
)
SEES_NORMAL = Words(
    "神经网络判断为正常（得分 {score}）", "the network takes it for normal (score {score})"
)
SEES_OTHER = Words(
    "神经网络判断为{condition}（得分 {score}）",
    "the network calls it {condition} (score {score})",
)
HEARD_PARTLY = Words(
    "图像与标定时所见差别较大（{value}，通常不超过 {limit}），"
    "神经网络的意见仅对规则也测过的项目有效",
    "the picture is less like those it was calibrated on than is usual ({value}, usually up to"
    " {limit}), so the network is heard only of what a rule measured too",
)
NO_NETWORK = Words("仅由规则测得，神经网络未判定", "measured by rule, no network judged it")
NO_RULE = Words("没有规则判定", "no rule judged it")
NO_RULE_FOR = Words("没有规则检查此类缺陷", "no rule looks for this defect")
NO_RULE_COULD = Words("规则无法判定：{reasons}", "no rule could judge it: {reasons}")
RULE_SOUND = Words("规则测得正常：{rest}", "by rule it is sound: {rest}")
RULE_SOUND_ONLY = Words("规则测得正常", "by rule it is sound")
AT_MOST = Words("{name} {value}（最多允许 {limit}）", "{name} {value} (at most {limit} allowed)")
AT_LEAST = Words("{name} {value}（至少需要 {limit}）", "{name} {value} (at least {limit} needed)")
TOGETHER = Words(
    "单一来源均不足以判定，综合后提出", "no source is sure by itself, all together raise it"
)
POOR_BOX = Words(
    "检测器对此处为{component}的得分偏低（{score}），请先确认部件",
    "the detector's score for “{component}” here is low ({score}): first see that there is one",
)
STRANGER = Words(
    "外观比 {share} 的正常部件更特殊", "it looks stranger than {share} of normal parts"
)
LOOKS_UNUSUAL = Words("外观与正常部件不同", "it looks unlike normal parts")
NOT_JUDGED = Words(
    "{component}未能判定，不能排除{condition}：{reasons}。",
    "{component} not judged, {condition} not excluded: {reasons}.",
)
NOT_JUDGED_SHORT = Words("{component}未能判定：{reasons}。", "{component} not judged: {reasons}.")
UNUSUAL_ONLY = Words(
    "{component}外观异常，比 {share} 的正常部件更特殊；{reasons}，请人工查看。",
    "{component} looks unusual, more so than {share} of normal parts; {reasons}, please look.",
)
SUSPECTS = Words(
    "神经网络判断为{condition}（得分 {score}），但综合缺陷概率仅 {odds}，未达到报警阈值。",
    "The network calls it {condition} (score {score}), but all told a defect is only {odds} "
    "probable, too little to raise it.",
)
CLEARS_NOTHING = Words(
    "神经网络判断为正常（得分 {score}），但不能仅凭此排除缺陷。",
    "The network takes it for normal (score {score}), which alone does not clear it.",
)
NORMAL_PART = Words("{component}未发现缺陷。", "{component}: no defect seen.")
UNUSUAL_NAME = Words("异常", "unusual")

# What several photographs say of one part.
VIEWS_RAISE = Words(
    "{count} 个视图中有 {raised} 个判为缺陷（相机 {cameras}）",
    "seen in {raised} of {count} views (camera {cameras})",
)
VIEWS_UNSURE = Words(
    "相机 {cameras} 未能判定",
    "camera {cameras} could not judge it",
)
VIEW_OTHER = Words(
    "相机 {camera} 认为是{condition}（{chance}）",
    "camera {camera} takes it for: {condition} ({chance})",
)
VIEW_DENIES = Words(
    "相机 {camera} 判为正常（缺陷概率 {chance}）",
    "denied by camera {camera} (probability of a defect {chance})",
)
VIEWS_NONE_RAISES = Words(
    "{count} 个视图均未判为缺陷",
    "none of {count} views raises it",
)
VIEWS_DIFFER = Words(
    "意见不一时以最强的为准，不因某一视图未见而排除缺陷。",
    "Where views differ the strongest counts: one that misses a defect does not clear it.",
)
TWINS = Words(
    "可能与同杆另外 {count} 处为同一部件（相机 {cameras}），无法确认，故分开列出。",
    "Possibly the same part as {count} listed apart at this mast (camera {cameras}); the pictures"
    " do not tell.",
)
NO_PART_NAME = Words("无此部件", "no such part")
NORMAL_NAME = Words("正常", "normal")
UNKNOWN_CAMERA = Words("未知", "unknown")
LIST_COMMA = Words("、", ", ")

CHANGES: Mapping[Change, Words] = {
    Change.GONE: Words("消失", "gone"),
    Change.NEW: Words("新增", "new"),
    Change.MOVED: Words("移位", "moved"),
    Change.TURNED: Words("转动", "turned"),
    Change.GROWN: Words("变大", "grown"),
    Change.SHRUNK: Words("变小", "shrunk"),
    Change.ALTERED: Words("外观改变", "altered"),
    Change.UNCHANGED: Words("无变化", "unchanged"),
    Change.NOT_COMPARABLE: Words("无法比较", "not comparable"),
}

BESIDE = Words("对比照片：{earlier} 与 {later}。", "Compared: {earlier} and {later}.")

SINCE = Words("与{run}相比：{change}", "{change} since {run}")

INCOMPARABLE: Mapping[Incomparable | Uncompared, Words] = {
    Incomparable.OUTSIDE: Words("另一张照片拍不到该位置", "its place is outside the other picture"),
    Incomparable.NEAR_EDGE: Words("靠近画面边缘", "its place is near the edge of the picture"),
    Incomparable.WEAK: Words("检出置信度低", "the detector was not sure of it"),
    Incomparable.OTHER_KIND: Words("该位置检出其他部件", "another part is located at its place"),
    Incomparable.STILL_SEEN: Words(
        "另一张照片该位置图像相似", "the other picture shows the same there"
    ),
    Incomparable.OTHER_CONDITION: Words(
        "该部件上次为其他缺陷", "the part had another defect before"
    ),
    Incomparable.WITHIN_NOISE: Words(
        "概率变化在波动范围内", "its probability changed within noise"
    ),
    Incomparable.NOT_JUDGED: Words("另一张照片中未能判断", "not judged in the other photograph"),
    Incomparable.NOT_LOCATED: Words("另一张照片中未检出", "not located in the other photograph"),
    Uncompared.NO_MAST: Words("照片未对应支柱", "the photograph has no mast"),
    Uncompared.NO_EARLIER: Words(
        "上次无同一支柱同一相机的照片", "no earlier photograph of this mast and camera"
    ),
    Uncompared.NO_LATER: Words(
        "本次无同一支柱同一相机的照片", "no later photograph of this mast and camera"
    ),
    Uncompared.POOR: Words("照片未能判断", "the photograph was not judged"),
    Uncompared.POOR_BEFORE: Words("上次照片未能判断", "the earlier photograph was not judged"),
    Uncompared.FEW_PARTS: Words("共同部件太少", "too few parts in common"),
    Uncompared.NOT_ALIKE: Words("部件位置不吻合", "the parts do not fit onto each other"),
    Uncompared.AMBIGUOUS: Words("配准不唯一", "the parts fit in more than one way"),
}

STATES: Mapping[State, Words] = {
    State.OPEN: Words("待审核", "open"),
    State.UNJUDGED: Words("未能判断", "not judged by the scan"),
    State.SECOND: Words("待复核", "second reading"),
    State.DISPUTED: Words("意见不一", "disputed"),
    State.CONFIRMED: Words("已确认", "confirmed"),
    State.REJECTED: Words("已排除", "rejected"),
    State.OBSERVED: Words("待观察", "observed"),
    State.CANNOT_JUDGE: Words("无法判断", "cannot be judged"),
}

ACTS: Mapping[Act, Words] = {
    Act.CONFIRM: Words("确认", "confirm"),
    Act.REJECT: Words("排除", "reject"),
    Act.OBSERVE: Words("待观察", "observe"),
    Act.CANNOT_JUDGE: Words("无法判断", "cannot judge"),
    Act.UNDO: Words("撤销", "undo"),
    Act.DRAW: Words("人工标注", "draw"),
}

ROLES_OF_PEOPLE: Mapping[Role, Words] = {
    Role.VIEWER: Words("查看", "viewer"),
    Role.REVIEWER: Words("分析员", "reviewer"),
    Role.SECOND: Words("复核员", "second reviewer"),
    Role.LEAD: Words("组长", "lead"),
    Role.ADMIN: Words("管理员", "admin"),
}

VERDICTS: Mapping[Verdict, Words] = {
    Verdict.NORMAL: Words("正常", "normal"),
    Verdict.DEFECT: Words("缺陷", "defect"),
    Verdict.CANNOT_JUDGE: Words("未能判断", "cannot judge"),
}

GRADES: Mapping[int, Words] = {
    1: Words("一级", "grade 1"),
    2: Words("二级", "grade 2"),
    3: Words("三级", "grade 3"),
}

DIRECTIONS: Mapping[Direction, Words] = {
    Direction.UP: Words("上行", "up"),
    Direction.DOWN: Words("下行", "down"),
    Direction.OTHER: Words("其他", "other"),
}

UNREVIEWED = Words("机器判定，未经人工复核", "Found by machine, not reviewed")
REVIEWED = Words(
    "已复核 {decided}/{total}，复核人 {reviewers}", "{decided} of {total} reviewed by {reviewers}"
)
REST_LEFT_OUT = Words("；其余不在本表", "; the others are not listed here")
EXTRACT = Words("只列出所选部分（{selection}）；", "Only a selection is listed ({selection}); ")
FILTERS: Mapping[str, Words] = {
    "line": Words("线路", "line"),
    "section": Words("站区", "section"),
    "mast": Words("杆号", "mast"),
    "camera": Words("相机", "camera"),
    "view": Words("相机类别", "camera class"),
    "component": Words("部件", "component"),
    "condition": Words("缺陷类型", "condition"),
    "state": Words("状态", "state"),
    "verdict": Words("机器判断", "machine says"),
    "reviewer": Words("审核人", "reviewer"),
    "km_from": Words("公里标自", "from"),
    "km_to": Words("公里标至", "to"),
}
DECIDED = Words("{state}（{reviewer}）", "{state} by {reviewer}")
CORRECTED = Words("审核人员改判为{condition}", "a reviewer decided: {condition}")
MISSED = Words(
    "扫描判为正常，审核人员认定为{condition}",
    "The scan called it normal; a reviewer decided: {condition}",
)
DRAWN = Words("由审核人员在照片上标注", "Drawn into the photograph by a reviewer")
NONE_OF_IT = Words("（无）", "(none)")

INHERITED: Mapping[Inherited, Words] = {
    Inherited.FOLLOWED: Words("部件编号更新，结论沿用", "the part has another name now"),
    Inherited.COPIED: Words("部件拆分，结论沿用", "taken off another part, with its decision"),
    Inherited.MERGED: Words("两项合并为同一部件", "joined with another item: one part"),
    Inherited.PARTED: Words("合并解除，恢复原结论", "no longer joined, with its own decision"),
}

LOOP_STATES: Mapping[LoopState, Words] = {
    LoopState.REGISTERED: Words("已登记", "registered"),
    LoopState.DISPATCHED: Words("已下发", "dispatched"),
    LoopState.REPAIRED: Words("已整改", "repaired"),
    LoopState.REINSPECTED: Words("已复核", "reinspected"),
    LoopState.CLOSED: Words("已销号", "closed"),
    LoopState.JOINED: Words("已并入", "joined into an earlier one"),
    LoopState.WITHDRAWN: Words("已撤回", "withdrawn"),
}

STEPS: Mapping[Step, Words] = {
    Step.DISPATCH: Words("下发", "dispatch"),
    Step.REPAIR: Words("整改", "report the repair"),
    Step.REINSPECT: Words("复核", "reinspect"),
    Step.CLOSE: Words("销号", "close"),
    Step.SEND_BACK: Words("退回", "send back"),
    Step.EXTEND: Words("延期", "extend the deadline"),
    Step.REOPEN: Words("重新登记", "reopen"),
    Step.SAME_AS: Words("同一缺陷", "same defect"),
    Step.NOT_SAME: Words("不是同一缺陷", "not the same defect"),
    Step.SPLIT: Words("拆分", "split off"),
    Step.REGISTER: Words("登记", "registered"),
    Step.AMEND: Words("更正", "amended"),
    Step.WITHDRAW: Words("撤回", "withdrawn"),
    Step.SEEN_AGAIN: Words("再次发现", "seen again"),
    Step.LOST_SIGHTING: Words("减少一次发现", "lost a sighting"),
}

CONCLUSIONS: Mapping[Conclusion, Words] = {
    Conclusion.REPAIRED: Words("已修复", "repaired"),
    Conclusion.NOTHING_FOUND: Words("查无异常", "nothing found"),
}

FOUND_LATER: Mapping[Found, Words] = {
    Found.CONFIRMED: Words("已确认", "confirmed"),
    Found.WAITING: Words("待审核", "waits for a decision"),
    Found.OBSERVED: Words("待观察", "observed"),
    Found.CANNOT_JUDGE: Words("无法判断", "cannot be judged"),
    Found.REJECTED: Words("已排除", "rejected"),
    Found.NOTHING: Words("未发现", "nothing found"),
    Found.NOT_JUDGED: Words("未能判定", "photographed, not judged"),
    Found.NOT_PHOTOGRAPHED: Words("未拍摄", "not photographed"),
}
