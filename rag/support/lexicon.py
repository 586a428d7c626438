"""Words that turn a sentence into another one: negations, opposites, bounds, units; in several languages."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split("|"))


COMPOUNDING = frozenset({"de", "nl", "sv", "da", "no", "fi"})  # languages whose words are made of several
# What parts clauses: strong words begin another statement, weak ones join two.
STRONG_WORDS = _set("but while whereas however aber sondern während jedoch pero sino mientras mais")
WEAK_WORDS = _set("and or und oder y o e et ou sowie")
# Verbs that follow a subject: a clause without one before them takes that of the clause before.
AUXILIARIES = _set("""is are was were be has have had may
    can must will shall should could would do does did ist sind war waren
    hat haben wird werden wurde wurden kann können muss müssen darf dürfen soll sollen es son está están fue ha han
    puede pueden debe deben se est sont peut peuvent doit""")
# Bounds; those of one word only right before a number. "No later than" is no negation.
AT_MOST = _phrases(
    """no longer than|no later than|no more than|not more than|not later than|not longer than|at most|at the most |at
    the latest|up to|a maximum of|less than|fewer than|under|below|within|nicht mehr als|nicht länger
    als|nicht später als|höchstens|maximal|spätestens|bis zu|weniger als|unter|innerhalb|no más de|no más
    tarde|como máximo|a más tardar |menos de|hasta"""
)
AT_LEAST = _phrases(
    """no fewer than|no less than|no earlier than|not less than|not fewer than|at least|at the least |at the
    earliest|more than|longer than|a minimum of|over|above|nicht weniger als|nicht früher
    als|mindestens|frühestens |mehr als|länger als|über|no menos de|al menos|como mínimo|más de"""
)
CJK_AT_MOST = ("不得超过", "不超过", "不迟于", "至多", "最多", "以内", "以下", "之内")
CJK_AT_LEAST = ("不少于", "不低于", "至少", "最少", "超过", "以上")
NEGATIONS = _set("""not no never none nobody nothing neither nor without cannot forbidden prohibited refused except
    unless nicht
    kein keine keinen keinem keiner keines nie niemals niemand nichts ohne weder verboten untersagt außer
    nunca jamás nadie nada ningún ninguna ninguno sin tampoco prohibido prohibida excepto salvo ne pas jamais
    aucun aucune sans interdit non mai nessuno senza vietato não nunca sem niet geen nooit zonder""")
CJK_NEGATION = r"(?<!无)(?<!是)[不没無无未勿禁](?![同线論论断仅来])|(?<!并)非(?![常])|(?<![特级分类性区识])别(?!的)"
NO_PREFIXES = ("un", "in", "im", "ir", "dis", "non", "nicht", "des", "anti")
OPPOSITES = [
    pair.split()
    for pair in _phrases(
        """before after|first last|always never|minimum maximum|least most|increase decrease|rise fall|open close |open
    closed|start end|begin end|early late|earlier later|internal external|employer employee|buyer seller|buy
    sell |import export|more less|higher lower|above below|left right|on off|lock unlock|win lose|accept
    reject|allow forbid |mandatory optional|required optional|permanent temporary|inside outside|morning
    evening|daily weekly|weekly monthly |monthly yearly|day night|include exclude|vor nach|erste letzte|immer
    nie|öffnen schließen|offen geschlossen |beginn ende|früh spät|intern extern|arbeitgeber arbeitnehmer|mehr
    weniger|höher niedriger|links rechts|täglich wöchentlich|wöchentlich monatlich|antes después|primero
    último|siempre nunca|abrir cerrar|abierto cerrado|inicio fin |interno externo|empleador empleado|más
    menos|izquierda derecha|diario semanal|semanal mensual |maximal minimal|máximo mínimo|obligatorio
    opcional|gross net|brutto netto|bruto neto|must may|muss darf|müssen dürfen|debe puede|deben pueden"""
    )
]
CJK_OPPOSITES = [
    pair.split() for pair in _phrases("之前 之后|以前 以后|开始 结束|增加 减少|上午 下午|内部 外部|必须 可以")
]
# Who anybody is: another word for it makes no other statement.
ANYBODY = _set("""employee employees staff people person everybody everyone anybody anyone you we they colleague
    colleagues
    worker workers member members company firm mitarbeiter mitarbeiterin mitarbeitende beschäftigte
    angestellte personen firma unternehmen empleado empleados trabajadores personal empresa""")
# Words of a line before a list, by their stems.
GENERIC = _set("""follow step list point option answer exampl case rule need folgend schritt punkt beispiel regel
    siguient paso
    punto ejempl regl 以下 如下 下步 步骤""")
# What stands for something in the sentence before.
PRONOUNS = _set("""they it he she this these that those both each such er sie es dieser diese dieses diesem diesen
    dies beide
    beides él ella ello ellos ellas este esta esto estos estas ese esa eso ambos""")
CJK_PRONOUNS = ("他", "她", "它", "这", "该", "此", "其")
UNITS = {
    form: unit
    for unit, forms in {
        "hour": "h hr hrs hour hours hourly stunde stunden std hora horas heure heures 小时 个小时",
        "minute": "min mins minute minutes minuten minuto minutos 分钟",
        "second": "s sec secs seconds sekunde sekunden segundo segundos 秒",
        "day": "d day days tag tage tagen día días dia dias jour jours 天 日",
        "week": "week weeks woche wochen semana semanas semaine semaines 周 星期",
        "month": "month months monat monate monaten mes meses mois 月 个月",
        "year": "year years jahr jahre jahren año años an ans 年",
        "percent": "% percent prozent ciento 百分",
        "pound": "£ gbp pound pounds pfund libra libras 英镑",
        "euro": "€ eur euro euros 欧元",
        "dollar": "$ usd dollar dollars dólar dólares 美元",
        "yuan": "¥ cny rmb yuan 元 人民币",
        "pence": "p pence penny",
        "mile": "mile miles meile meilen milla millas",
        "km": "km kilometre kilometres kilometer kilometers kilometern kilómetro kilómetros 公里 千米",
        "m": "m metre metres meter meters metern metro metros 米",
        "cm": "cm centimetre centimetres zentimeter centímetros 厘米",
        "mm": "mm millimetre millimetres millimeter milímetros 毫米",
        "kg": "kg kilo kilos kilogram kilograms kilogramm kilogramos 公斤 千克",
        "g": "g gram grams gramm gramos 克",
        "tonne": "t tonne tonnes ton tons tonnen toneladas 吨",
        "litre": "l litre litres liter liters litern litro litros 升",
        "bar": "bar",
        "nm": "nm newton",
        "db": "db decibel decibels dezibel",
        "celsius": "°c celsius",
        "kwh": "kwh kilowatt-hour kilowatt-hours",
        "watt": "w watt watts",
        "volt": "v volt volts",
        "gigabyte": "gb gigabyte gigabytes",
        "megabyte": "mb megabyte megabytes",
    }.items()
    for form in forms.split()
}
NUMBER_WORDS = {
    "en": """two three four five six seven eight nine ten eleven twelve""",
    "de": """zwei drei vier fünf sechs sieben acht neun zehn elf zwölf""",
    "es": """dos tres cuatro cinco seis siete ocho nueve diez once doce""",
    "fr": """deux trois quatre cinq six sept huit neuf dix onze douze""",
}
COUNTED = {
    language: {word: float(value) for value, word in enumerate(words.split(), 2)}
    for language, words in NUMBER_WORDS.items()
}
MONTHS = _set("""january february march april may june july august september october november december januar
    februar märz mai
    juni juli oktober dezember enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre
    diciembre""")
