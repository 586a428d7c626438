"""Write the binary sample documents (DOCX, PDF, XLSX, PPTX, EML) next to this script.

Run it after a change of the texts below: ``python samples/build.py``. It needs python-docx, python-pptx, openpyxl,
reportlab and Pillow. Dates, identifiers and the scan noise are fixed, so the same library versions write the same
bytes again.

The long texts use a small markup: ``#`` and ``##`` headings, ``-`` and ``1.`` list items, ``|`` table rows (the first
row is the header), ``---`` for a new PDF page; other lines form paragraphs, parted by an empty line.
"""

from __future__ import annotations

import io
import math
import random
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import escape
from pathlib import Path
from typing import Any

import docx
import reportlab
from docx.shared import Pt
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from PIL import Image as PilImage
from PIL import ImageChops, ImageDraw, ImageFilter, ImageFont
from pptx import Presentation
from pptx.util import Inches
from pptx.util import Pt as SlidePt
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    Image,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

HERE = Path(__file__).resolve().parent
COMPANY = "Nelthwaite Packaging Ltd."
STAMP = b"2025-04-01T09:00:00Z"

# ---------------------------------------------------------------------------------------------------------------------
# Word documents
# ---------------------------------------------------------------------------------------------------------------------

PARENTAL_LEAVE = """
# Parental Leave Policy

Number HR-POL-09, version 2.1, in force since 1 October 2024. Owner: Margit Oakes, Head of People. Questions:
people@nelthwaite.example.com.

## 1. Purpose

Nelthwaite wants parents to have time with a new child without worrying about money or about their place in the team.
The policy gives more than the law in the United Kingdom. For colleagues in Ghent and Porto, local law applies where
it is better for the employee; otherwise this policy applies to them as well.

## 2. Who is covered

The policy covers birth, adoption and surrogacy. It applies to employees with at least 12 months of continuous service
on the expected date of birth or placement. Employees with shorter service receive the statutory leave and pay only.
Fixed-term contracts are covered until their agreed end; they are not prolonged by leave.

## 3. Leave and pay at a glance

| Kind of leave | Full pay | After that | Longest absence |
| Birth mother | 26 weeks | 13 weeks at statutory rate | 52 weeks |
| Adoption, main adopter | 26 weeks | 13 weeks at statutory rate | 52 weeks |
| Partner, including same-sex partner | 6 weeks | none | 6 weeks |
| Second adopter | 6 weeks | none | 6 weeks |
| Baby in neonatal care | 1 week for each week in hospital | none | 12 weeks extra |
| Unpaid parental leave | none | unpaid | 18 weeks for each child until its 18th birthday |

Full pay means the basic salary plus shift premium, averaged over the last 6 months. Overtime and bonus are not
counted.

## 4. Partner leave in detail

Partner leave can be taken in up to three blocks of whole weeks, at any time in the 52 weeks after the birth or
placement. The first block needs no notice if the child arrives early. For the later blocks the manager is told 28
days ahead. A block can be moved once if an important delivery or audit falls into it, but never by more than 3 weeks.

## 5. Telling us

- The birth mother or main adopter sends form HR-31 at least 15 weeks before the expected date.
- Form MAT B1 or the matching certificate is added when it is available.
- A change of the start date needs 28 days' notice.
- A change of the return date needs 8 weeks' notice.

The manager and the People team meet the employee within 10 working days after the form has arrived and plan the
handover. Risk assessments for work in the halls are done in the same week by Owen Tarrick; lifting above 5 kg ends at
once.

## 6. During leave

Holiday continues to build up. The pension contributions of the company continue at the level before the leave for the
whole paid period. The laptop may be kept. Up to 10 keeping-in-touch days can be worked; each is paid as a full day
even if it lasts only a few hours. Nobody is obliged to accept such a day.

Promotions, pay reviews and vacant posts are sent to the private e-mail address if the employee has asked for this on
the form.

## 7. Coming back

After up to 26 weeks of absence the employee returns to the same post. After a longer absence it is the same post or,
if that is not practical, one of equal rank and pay at the same site.

In the first 4 weeks after the return, parents may work 80 percent of their hours at full pay. Rooms for breastfeeding
and expressing milk are in Leeds (Building A, room A1.07) and in Ghent (room 0.12); milk can be stored in a locked
fridge.

## 8. Loss and difficult situations

If a child is stillborn after 24 weeks of pregnancy or dies later, all leave in section 3 remains. After a miscarriage
at an earlier stage both partners receive 10 days of paid leave. No certificate is asked for. Time for fertility
treatment is paid up to 5 days in a calendar year.

## 9. Paying back

An employee who resigns within 3 months after the return pays back half of the pay above the statutory rate. The Head
of People can waive this, and does so as a rule in the cases of section 8.
"""

INFORMATION_SECURITY = """
# Information Security Policy

Number IT-POL-02, version 5.3, in force since 15 January 2025. Owner: Ruben Castell, Information Security Officer.
Contact: security@nelthwaite.example.com.

## 1. Aim

We protect drawings, customer data and the control software of our machines against loss, theft and change. The policy
binds everyone who uses a Nelthwaite account, including contractors and suppliers with remote access.

## 2. Classes of information

Each document has one of four classes. The author chooses the class; in case of doubt the higher one is used.

| Class | Examples | Where it may be stored | Sharing outside |
| Public | brochures, press texts | anywhere | free |
| Internal | minutes, phone list, this policy | team drives, intranet | with a business reason |
| Confidential | price calculations, contracts, staff data | team drives with limited access | under NDA, encrypted |
| Restricted | Avocet drawings, signing keys, board papers | vault share R only | approval by a director, logged |

Documents without a mark count as Internal. Restricted papers are printed only on the printer in room B2.19 and are
shredded there at level P-5.

## 3. Accounts and passwords

- A password has at least 14 characters. A phrase of four words is better than a short riddle.
- Passwords do not expire. They are changed when there is a sign of misuse.
- After 7 wrong attempts the account is locked for 20 minutes.
- A second factor is needed for every sign-in from outside; administrators use a hardware key at all times.
- Shared accounts exist only at the terminals in the halls and cannot read mail.
- Passwords are kept in the company's password manager and nowhere else.

## 4. Devices

Disks are encrypted. Screens lock after 5 minutes. Updates are installed within 10 days, critical ones within 72
hours. Only USB sticks with the orange housing from the IT counter may be used; all others are blocked. Machine
controllers in the test hall are never connected to the office network; files go through the transfer station in Hall
1.

## 5. Loss and suspicion

A lost or stolen device is reported within 1 hour, at any time of day, to the security gate, which wakes the duty
officer. Nobody is punished for a report made in good faith. Suspicious mail is reported with the button in the mail
program; please do not forward it. We send a phishing exercise in each quarter. Whoever clicks gets a 15-minute lesson
and no entry in the personnel file.

## 6. How long we keep data

| Data | Kept for | Then |
| Applications of candidates we did not hire | 6 months | deleted by the People team |
| Video recordings of gates and yard | 21 days | overwritten |
| Measured values from customer machines | 36 months | made anonymous |
| Visitor book | 90 days | deleted |
| Personnel files after leaving | 6 years | shredded |
| Accounting records | 7 years | shredded |
| Drawings of delivered machines | 30 years | offered to the company archive |
| Server logs | 180 days | deleted |

## 7. Suppliers and remote access

Suppliers sign annex S before they get an account. Access is open only for the agreed time window, at most 8 hours,
and is recorded. The person who ordered the work watches the session. Suppliers with access to Confidential data
answer our questionnaire every 2 years; those that process personal data are audited on site once in 3 years.

## 8. Checks

Access rights are reviewed by the folder owners in May and November. An external company tests our network from
outside once a year, most recently in October 2024 with 3 findings of medium weight. The restore of a full backup is
tried each quarter; the target is to be able to work again within 16 hours.

## 9. Exceptions

An exception is requested with form SEC-E1, limited to 6 months and entered in the register of the Information
Security Officer. Nobody can approve an exception for themselves. There are no exceptions from the second factor.
"""

# ---------------------------------------------------------------------------------------------------------------------
# PDF documents
# ---------------------------------------------------------------------------------------------------------------------

PLOVER_MANUAL = """
# Plover 300 Automatic Case Sealer

Operating manual NP-MAN-300-EN, revision 7, March 2025. Original instructions. Nelthwaite Packaging Ltd., Calder
Works, Leeds.

# 1. About this manual

This manual is for operators, maintenance staff and supervisors. Keep it next to the machine. It is valid for machines
with a serial number from P300-2201 onwards; for older machines use revision 4. The serial number is on the plate to
the left of the main switch.

# 2. Intended use

The Plover 300 closes the top and bottom flaps of corrugated cases with pressure-sensitive tape. Cases of one size run
one after another; the size is changed by hand wheel and recipe. Any other use is not intended, in particular:

- sealing of wet or frozen cases
- cases with a weight of more than 35 kg
- use outdoors or in areas with a danger of explosion
- transport of persons, animals or loose goods on the belts

# 3. Safety

Only trained persons aged 18 or over may operate the machine. Long hair is tied back; rings and scarves are taken off.
The knives in the tape heads are sharp even when the machine is switched off: wear cut-resistant gloves of level D
when you open a tape head.

Before any work inside the machine, turn the main switch to 0, secure it with a padlock and release the compressed air
with the red valve. Wait 20 seconds until the pressure gauge shows zero. The emergency stop is tested at the start of
every week. A machine with a missing or bridged guard must not be started.

The residual risks are crushing between the side belts and the case, cuts at the tape knife, and burns at the drive
motor after long operation. Yellow signs mark these points. Replace signs that can no longer be read.
---
# 4. Technical data

## 4.1 Performance and dimensions

| Property | Value |
| Throughput | up to 28 cases per minute |
| Case length | 200 to 620 mm |
| Case width | 130 to 500 mm |
| Case height | 110 to 510 mm |
| Tape width | 48 or 72 mm |
| Largest tape roll | 990 m, core 76 mm |
| Machine length x width x height | 1,840 x 1,020 x 1,560 mm |
| Working height, adjustable | 620 to 780 mm |
| Weight | 386 kg |
| Number of recipes | 60 |

## 4.2 Connections

| Property | Value |
| Electrical supply | 400 V, 3 phases, neutral and earth, 50 Hz |
| Rated power | 1.8 kW |
| Fuse on site | 16 A, characteristic C |
| Compressed air | 6 bar, dry and free of oil |
| Air consumption | 42 litres per minute |
| Air hose, inner diameter | 9 mm |
| Network | RJ45, 100 Mbit/s, for the optional Roostline gateway |

## 4.3 Environment

The machine is made for rooms with a temperature of 5 to 40 °C and a relative humidity of up to 80 percent without
condensation. The emission sound pressure level at the place of the operator is 71 dB(A). For sites higher than 1,500
m above sea level, ask the service department for the changed motor setting.

Cases must be of single or double wall board with a thickness of 3 to 7 mm. The score lines must be clean; flaps that
spring back by more than 30 degrees lead to open corners. Tape with a natural rubber adhesive is recommended below 10
°C, and tape with an acrylic adhesive for long storage in sunlight.
---
# 5. Transport and installation

## 5.1 Transport

The machine is delivered upright on a pallet. Lift it with a forklift whose forks are at least 1,200 mm long, from the
side marked with the fork symbol. The centre of gravity is 240 mm to the right of the middle. Do not lift the machine
by the tape heads or by the guards. Two tilt indicators are glued to the packing. If one of them is red, note this on
the delivery note before you sign and tell the service department within 3 days.

## 5.2 Place

The floor must carry 500 kg per square metre. Leave 800 mm of free space on the operator side and 600 mm on all other
sides. Let the machine stand unpacked in the room for 24 hours before switching it on, so that condensed water can
dry.

## 5.3 Levelling and connecting

1. Turn out the four feet until the wheels are free.
2. Level the machine with a spirit level; the permitted deviation is 2 mm over the length of the machine.
3. Lock the feet with the counter nuts (spanner size 24).
4. Connect the compressed air and open the valve slowly.
5. Let an electrician connect the supply. Check the direction of rotation: the belts must run towards the outfeed.
6. Remove the red transport locks from both tape heads and keep them.

## 5.4 First start

The first start is done by a Nelthwaite technician or by a partner with the certificate PRD-201. A run of 200 cases
without fault is recorded in the acceptance form. Without this form the warranty begins on the day of delivery; with
the form it begins on the day of acceptance.
---
# 6. Operation

## 6.1 Switching on

1. Check that no tools or cases lie in the machine and that all guards are closed.
2. Turn the main switch to 1. The panel starts in about 40 seconds.
3. Sign in with the operator card. Without a card only the language can be changed.
4. Choose the recipe and set both hand wheels to the numbers on the panel.
5. Press the green button for 2 seconds. A horn sounds, then the belts start.

## 6.2 Changing the case size

Stop the machine with the white button. Release the clamp levers, turn the hand wheels for width and height to the new
values and close the levers. Run one empty case. The tape must overlap the front and the back by 50 to 70 mm; correct
the overlap in the recipe with parameter T3.

## 6.3 Changing the tape roll

The panel shows a yellow tape symbol when about 15 m are left. Open the guard, take out the empty core and put in the
new roll with the adhesive side towards the infeed. Follow the threading picture inside the guard. Pull 10 cm of tape
through, cut it off and close the guard. A practised operator needs less than one minute.

## 6.4 Emergency stop

Press one of the three red buttons. The belts stop within 0.4 seconds and the air is released. To go on, remove the
cause, turn the button to release it, and confirm on the panel with the supervisor card. The operator card is not
sufficient for this step.

## 6.5 End of shift

Empty the machine, switch it off, wipe the rollers with a dry cloth and write the counter reading in the log. Do not
clean the photo cells with solvent.
---
# 7. Maintenance

## 7.1 Schedule

| Part | Work | Interval |
| Photo cells | wipe with a soft cloth | daily |
| Emergency stop | function test | weekly |
| Air filter | drain water, check the bowl | weekly |
| Side belts | check tension (deflection 12 mm) | every 250 operating hours |
| Spindles and guide rods | lubricate with grease NP-90020 | every 500 operating hours |
| Side belts | replace the set NP-30225 | every 2,500 operating hours |
| Tape knife | replace NP-30117 | every 400,000 cases |
| Gearbox | change oil, 0.6 litres | every 8,000 operating hours or 4 years |
| Buffer battery of the controller | replace | every 5 years |

## 7.2 Replacing the tape knife

1. Lock the main switch and release the air (see chapter 3). Put on the gloves.
2. Take out the tape head: lift the lever, pull the head upwards.
3. Hold the knife guard open with the pin that hangs on the chain.
4. Undo the two screws and remove the knife with pliers.
5. Insert the new knife with the teeth pointing to the outfeed.
6. Tighten the screws to 9 Nm. Do not use thread lock.
7. Remove the pin, put the head back and run ten cases.
8. Reset the counter on the panel under Service, Knife.

Put the old knife into the box for sharp waste. A blunt knife shows itself by torn tape ends and by code E-17.

## 7.3 Tension of the side belts

Loosen the motor plate by half a turn, turn the tension screw clockwise and measure in the middle between the pulleys.
Both sides must have the same deflection. New belts are tensioned again after 20 hours.
---
# 8. Faults

The panel shows a code and a picture. The last 200 messages are kept and can be copied to the Roostline gateway.

| Code | Meaning | Remedy |
| E-12 | Case jammed at the infeed | Remove the case, check the flap folder |
| E-17 | Tape torn or roll empty | New roll; check the knife and the tape path |
| E-21 | Air pressure below 4.8 bar | Check the supply and the filter; look for leaks |
| E-26 | Case higher than the recipe allows | Choose the right recipe |
| E-34 | Guard open | Close the guard; check switch S7 |
| E-40 | Drive motor too hot | Let it cool for 30 minutes; check the belt tension |
| E-48 | Hand wheel position differs from the recipe | Set the wheel to the number on the panel |
| E-55 | Controller battery weak | Replace within 14 days, keep the machine switched on |

If a code comes back three times within an hour, stop the machine and call the service department with the serial
number and the counter reading at hand.

# 9. Warranty and disposal

The warranty is 24 months or 6,000 operating hours, whichever comes first. Belts, knives, rollers and tape are wearing
parts and are excluded. The warranty ends if guards have been changed or if parts from other makers were fitted in the
safety circuit.

Spare parts are held for at least 12 years after the last machine of a series was delivered. At the end of its life
the machine can be given back to Nelthwaite free of charge, carriage paid by the owner. The gearbox oil and the
battery are to be taken out before scrapping. About 91 percent of the weight is steel and aluminium and can be
recycled.
"""

BENEFITS_GUIDE = """
# Benefits Guide 2025

For employees in the United Kingdom, with notes on Ghent and Porto on the last page. Valid from 1 April 2025 to 31
March 2026. Published by the People team.

# Pay and time off

## Pension

You join the pension plan automatically after 3 months. You pay at least 4 percent of your salary; the company pays 7
percent. If you pay more, the company matches each extra percent up to a company share of 9 percent. You can change
your share in April and October. The plan is looked after by five trustees, two of them elected by the members.

## Holiday

| Length of service | Days per year, plus bank holidays |
| up to 4 years | 27 |
| 5 to 9 years | 29 |
| 10 years and more | 31 |

Up to 6 days can be carried into the next holiday year, which begins on 1 April; they must be used by 30 June. You can
buy up to 5 further days; the price is taken from the salary in twelve parts. Days cannot be sold. Requests for more
than two weeks in a row are made 3 months ahead.

## Sick pay

| Length of service | Full pay | Half pay |
| first 6 months | 2 weeks | none |
| up to 2 years | 6 weeks | 6 weeks |
| up to 5 years | 12 weeks | 12 weeks |
| more than 5 years | 20 weeks | 20 weeks |

Call your manager before 09:00, or one hour before the shift begins. A doctor's note is needed from the 8th day. After
an absence of 4 weeks or more a return plan is agreed.
---
# Health and protection

## Medical insurance

The company pays for private medical insurance after 12 months of service. The excess is £150 per insurance year.
Family members can be added at your own cost. Dental treatment is covered up to £600 a year, glasses for screen work
up to £120 every 2 years.

## Life assurance and income protection

If an employee dies, the life assurance pays 4 times the yearly salary to the persons named on the wish form. Please
check your wish form once a year. Income protection pays 60 percent of the salary from week 27 of an illness, for up
to 5 years.

## Confidential help

The help line of an outside provider is open day and night for employees and their families. Up to 8 talks with a
counsellor a year are paid. The company receives only the number of calls and no names.

# Time and family

Two days a year can be used for voluntary work. After 6 years of service a sabbatical of up to 8 weeks is possible; it
is unpaid, but pension and medical insurance continue. Five days of paid carer's leave are given each year. Parental
leave has a policy of its own (HR-POL-09).

# Money and leisure

| Benefit | Amount | Remarks |
| Cycle to work | bicycle up to £2,400 | paid back over 18 months |
| Gym subsidy | £25 a month | any gym, against invoice |
| Season ticket loan | up to £3,000 | free of interest, 10 months |
| Long service, 10 years | £500 and a dinner | each further 10 years: £1,000 |
| Professional membership | 1 fee a year | if useful for the role |
| Eye test | free | once in 2 years |
---
# Notes for Ghent and Porto

The chapters on pension, sick pay and medical insurance apply only in the United Kingdom. Outside the UK the following
rules are in place:

| Topic | Ghent | Porto |
| Meal support | meal voucher, €8 per working day | meal card, €9.60 per working day |
| Holiday | 20 days by law plus 12 company days | 22 days by law plus 4 company days |
| Hospital insurance | employee and children | employee, partner and children |
| Pension plan | group insurance, company share 5 percent | savings plan, company share 3 percent |
| Travel to work | train ticket 100 percent, bicycle €0.27 per km | monthly transit pass |
| Extra day off | 24 July | 24 June |

# How to make a choice

Choices for the year are made in the people portal between 1 and 21 March. Without a choice the benefits of the
previous year continue. Changes during the year are possible within 30 days after a wedding, birth, divorce or move to
another country.

# Tax

Some benefits are taxable. The payslip shows them with the mark B. The People team cannot give tax advice, but it
organises two evenings with an adviser in May and in November.
"""

GHENT_HANDOVER = """
# Ghent Service Hub: Handover File

File GH-2024-061, compiled by Hanne Pruitt, Facilities, July 2024. Distribution: Wout Devreker, Priya Ashdown, Tomasz
Brennick. The file describes the lease, the state of the building on handover, and the signed handover protocol.

# 1. The building

The hub at Kanaaldreef 14 in Ghent replaces the rented workshop in Aalst. It has 2,150 square metres: 1,480 for
workshop and parts store, 420 for offices and training, 250 for the loading area. It was built in 2009 and renovated
in 2021. The move was finished on 22 July 2024.

# 2. The lease

| Item | Agreement |
| Landlord | Brugmolen Estates NV |
| Start | 1 July 2024 |
| Term | 9 years |
| First possible end | 30 June 2030, with 6 months' notice by registered letter |
| Rent | €14,200 per month, without VAT |
| Service charge | €1,150 per month, settled once a year |
| Indexation | every 1 July, health index, first time in 2025 |
| Deposit | 3 monthly rents as bank guarantee |
| Permitted use | workshop, storage, offices, training |

The landlord is responsible for roof, facade, heating plant and lift. Nelthwaite looks after doors, lighting, the
crane and the yard. Changes to the load-bearing structure need written consent. Signs on the facade are allowed up to
6 square metres.

At the end of the lease the building is returned empty and swept. The crane rails may stay. The landlord has a right
of inspection twice a year and announces it at least 5 working days ahead.
---
# 3. Technical equipment

| Equipment | Data | Next inspection |
| Overhead crane | 3.2 tonnes, span 14 m | March 2025 |
| Loading docks | 4, of which 1 for vans | September 2024 |
| Heat pump | 2 units of 45 kW | November 2024 |
| Sprinklers | wet system, 312 heads | January 2025 |
| Fire alarm | 64 detectors, direct line | October 2024 |
| Lift | goods and persons, 1,600 kg | December 2024 |
| Solar panels | 96 kWp, owned by the landlord | none |

The crane may be used by persons with a valid Belgian permit only; the list hangs at the workshop door. The alarm is
switched on automatically at 20:30 and off at 06:15.

# 4. Open points

| No. | Defect | Responsible | Due |
| 1 | Seal of dock 2 torn | landlord | 19 July 2024 |
| 2 | Two lamps in the parts store flicker | Nelthwaite | 31 July 2024 |
| 3 | Floor paint worn near the crane | landlord | 30 August 2024 |
| 4 | Key of meter cabinet missing | landlord | 5 July 2024 |
| 5 | Drain in the yard slow | landlord | 13 September 2024 |

Points 1 and 4 were checked on 24 July 2024 and are closed. Point 5 depends on the city, which repairs the sewer in
the street.

# 5. Neighbours and deliveries

Lorries may arrive between 07:00 and 19:00 only, by agreement with the neighbours. Lorries longer than 16.5 m cannot
turn in the yard and have to reverse in with a guide. The gate code is given by the office and changes on the first of
each month.

The signed handover protocol is attached on the next page as a scan.
"""

SCANNED_PROTOCOL = """\
HANDOVER PROTOCOL              No. GH-2024-061/P

Building:    Kanaaldreef 14, Ghent
Landlord:    Brugmolen Estates NV
Tenant:      Nelthwaite Packaging Ltd.
Date:        28 June 2024, 10:15

1. METER READINGS

Electricity, day          048213 kWh
Electricity, night        031977 kWh
Water                     1906 m3
Gas                       disconnected

2. KEYS AND TRANSMITTERS

Front door                11 keys
Workshop door             7 keys
Gate transmitters         6 pieces
Meter cabinet             missing

3. REMARKS

The workshop floor was cleaned on 27 June 2024.
One pallet truck (red, 2000 kg) is left by the
landlord and becomes property of the tenant.
The tenant keeps the old alarm panel as a spare.
Damage to the window in room 1.04 was noted;
the landlord pays the repair of 380 euros.

4. SIGNATURES

For the landlord                For the tenant
J. Merckaert                    Wout Devreker
"""

# ---------------------------------------------------------------------------------------------------------------------
# Workbooks: sheet name -> rows, the first row is the header
# ---------------------------------------------------------------------------------------------------------------------

Cell = str | int | float | None
Sheets = dict[str, list[list[Cell]]]

PRICE_LIST: Sheets = {
    "Machines": [
        ["Article", "Machine", "Description", "List price (GBP)", "Lead time (weeks)"],
        ["NP-M-200", "Plover 200", "Case sealer, semi-automatic, 12 cases per minute", 14900, 8],
        ["NP-M-300", "Plover 300", "Case sealer, automatic", 38750, 14],
        ["NP-M-310", "Plover 300 W", "Case sealer, automatic, for cases up to 700 mm wide", 43200, 16],
        ["NP-M-410", "Heron L", "Labeller for pre-printed labels", 21400, 10],
        ["NP-M-420", "Heron P", "Print-and-apply labeller", 27950, 12],
        ["NP-M-510", "Avocet", "Tray former with hot-melt glue", 64500, 22],
        ["NP-O-01", "Option", "Outfeed conveyor, 1.5 m", 1980, 6],
        ["NP-O-02", "Option", "Roostline gateway with antenna", 640, 3],
        ["NP-O-03", "Option", "Wash-down kit (not for Heron P)", 2310, 9],
        ["NP-O-04", "Option", "Low-noise cover", 895, 5],
    ],
    "Spare parts": [
        ["Part number", "Description", "Fits", "Price (GBP)", "Stock", "Wearing part"],
        ["NP-20088", "Hand crank", "Plover 200", 39, "Leeds", "no"],
        ["NP-30117", "Tape knife, serrated", "Plover 300, 300 W", 86, "Leeds and Ghent", "yes"],
        ["NP-30118", "Knife springs, pair", "Plover 200, 300, 300 W", 14, "Leeds and Ghent", "yes"],
        ["NP-30225", "Side belts, set of 2", "Plover 300, 300 W", 212, "Leeds and Ghent", "yes"],
        ["NP-30310", "Pressure roller", "Plover 300", 58, "Leeds", "yes"],
        ["NP-30602", "Photo cell, infeed", "Plover 300, 300 W, Avocet", 134, "Ghent", "no"],
        ["NP-30741", "Emergency stop button, complete", "all machines", 77, "Leeds", "no"],
        ["NP-40115", "Peel plate", "Heron L, Heron P", 165, "Ghent", "yes"],
        ["NP-40290", "Print head 300 dpi", "Heron P", 548, "Ghent", "yes"],
        ["NP-50031", "Glue nozzle 0.4 mm", "Avocet", 93, "Leeds", "yes"],
        ["NP-90020", "Grease cartridge 400 g", "all machines", 19, "Leeds and Ghent", "yes"],
        ["NP-90044", "Suction cups 40 mm, pack of 10", "Avocet", 46, "Leeds", "yes"],
    ],
    "Service contracts": [
        ["Level", "Visits per year", "On site within", "Hotline", "Discount on parts (%)", "Price per year (GBP)"],
        ["Bronze", 1, "5 working days", "Mon-Fri 08:00-17:00", 0, 780],
        ["Silver", 2, "2 working days", "Mon-Fri 07:00-19:00", 5, 1450],
        ["Gold", 3, "8 working hours", "day and night", 12, 2690],
        ["Platinum", 4, "4 hours, any day", "day and night, named engineer", 20, 4380],
    ],
    "Discounts and terms": [
        ["Topic", "Rule"],
        ["Validity", "1 April 2025 to 31 March 2026; all prices without VAT"],
        ["Volume discount, 3 to 5 machines", "4 percent"],
        ["Volume discount, 6 to 9 machines", "7 percent"],
        ["Volume discount, 10 machines or more", "11 percent"],
        ["Demonstration machines", "25 percent below list price, at most 12 months old"],
        ["Payment for machines", "40 percent with the order, 50 percent before dispatch, 10 percent after acceptance"],
        ["Minimum order for spare parts", "GBP 60; below this a handling fee of GBP 15 is added"],
        ["Express dispatch", "GBP 35; order until 14:30 for delivery on the next working day (UK and Belgium)"],
        ["Returns", "unused parts in the original box within 45 days, 10 percent restocking fee"],
        ["Discounts beyond this list", "decided by the sales director only; never promised in writing before"],
    ],
}

PHONE_AND_ROOM_LIST: Sheets = {
    "Extensions": [
        ["Name", "Function", "Site", "Room", "Extension"],
        ["Main reception", "Team line", "Leeds", "A0.01", 2000],
        ["Ingrid Halloway", "Chief Executive Officer", "Leeds", "A2.01", 2001],
        ["Tomasz Brennick", "Chief Financial Officer", "Leeds", "A2.04", 2010],
        ["Priya Ashdown", "Chief Operating Officer", "Leeds", "A2.06", 2020],
        ["Travel desk", "Team line", "Leeds", "A1.15", 2077],
        ["Margit Oakes", "Head of People", "Leeds", "A1.11", 2105],
        ["Hanne Pruitt", "Facilities", "Leeds", "A0.09", 2111],
        ["Owen Tarrick", "Health and safety", "Leeds", "H1.02", 2119],
        ["Dele Farrant", "Head of IT", "Leeds", "B1.03", 2140],
        ["Ruben Castell", "Information Security Officer", "Leeds", "B2.17", 2144],
        ["Fiona Larkspur", "Head of Purchasing", "Leeds", "B1.20", 2160],
        ["Callum Stride", "Head of Engineering", "Leeds", "B2.08", 2180],
        ["IT service desk", "Team line", "Leeds", "B0.02", 2444],
        ["Stores counter", "Team line", "Leeds", "H2.01", 2610],
        ["Security gate", "Day and night", "Leeds", "Gate A", 2999],
        ["Wout Devreker", "Service Director", "Ghent", "1.02", 4301],
        ["Sanne Verhelst", "Technical trainer", "Ghent", "0.20", 4312],
        ["Spare parts hotline", "Team line", "Ghent", "0.05", 4390],
        ["Beatriz Almonte", "Platform Manager", "Porto", "3.01", 5201],
        ["Roostline on call", "Day and night", "Porto", None, 5299],
    ],
    "Meeting rooms": [
        ["Room", "Site", "Location", "Seats", "Video", "Whiteboard", "How to book"],
        ["Nidd", "Leeds", "Building A, ground floor", 4, "no", "yes", "door panel"],
        ["Swale", "Leeds", "Building A, first floor", 8, "yes", "yes", "calendar"],
        ["Aire", "Leeds", "Building A, second floor", 14, "yes", "yes", "calendar"],
        ["Wharfe", "Leeds", "Building B, ground floor", 36, "yes", "no", "facilities, form FA-3"],
        ["Training room", "Leeds", "Building B, first floor", 18, "yes", "yes", "People team"],
        ["Leie", "Ghent", "first floor", 10, "yes", "yes", "calendar"],
        ["Coupure", "Ghent", "ground floor", 5, "no", "yes", "door panel"],
        ["Douro", "Porto", "third floor", 16, "yes", "yes", "calendar"],
        ["Foz", "Porto", "third floor", 3, "yes", "no", "calendar"],
    ],
    "Emergency": [
        ["Site", "Area", "First aider", "Extension", "Defibrillator", "Assembly point"],
        ["Leeds", "Building A", "Hanne Pruitt", 2111, "main reception", "visitor car park"],
        ["Leeds", "Building B", "Dele Farrant", 2140, "none", "visitor car park"],
        ["Leeds", "Hall 1 and test hall", "Owen Tarrick", 2119, "next to gate C", "bicycle shed"],
        ["Leeds", "Hall 2 and stores", "Stores counter", 2610, "stores counter", "bicycle shed"],
        ["Ghent", "whole site", "Sanne Verhelst", 4312, "workshop door", "yard gate"],
        ["Porto", "third floor", "Beatriz Almonte", 5201, "lobby, ground floor", "square in front of the house"],
    ],
}

# ---------------------------------------------------------------------------------------------------------------------
# Slides
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SlideText:
    """The text of one slide; a slide has bullets, a table or both."""

    title: str
    notes: str
    bullets: Sequence[str] = ()
    table: Sequence[Sequence[str]] = field(default=())


ALL_HANDS = [
    SlideText(
        "All-hands meeting, 15 April 2025",
        "Welcome to the colleagues in Ghent and Porto who join by video. The recording stays on the media server for "
        "60 days. Questions can be sent during the meeting to the chat channel.",
        ["Results of the financial year 2024/25", "Outlook for 2025/26", "Ingrid Halloway and the management team"],
    ),
    SlideText(
        "The year in numbers",
        "Tomasz: the margin would have been 9.4 percent without the recall of the tape heads made in May 2024, which "
        "cost us 430,000 pounds.",
        table=[
            ["Key figure", "2023/24", "2024/25"],
            ["Revenue", "£56.7 million", "£61.8 million"],
            ["Order intake", "£55.2 million", "£66.4 million"],
            ["Operating margin", "7.9 percent", "8.7 percent"],
            ["Machines delivered", "291", "318"],
            ["Scrap rate in assembly", "2.9 percent", "2.1 percent"],
            ["Employees on 31 March", "388", "412"],
        ],
    ),
    SlideText(
        "Customers and orders",
        "The order from the dairy group is the largest in our history. Please do not mention the name of the customer "
        "outside the company before the contract is announced on 20 May.",
        [
            "Largest order ever: 27 Plover 300 W for a dairy group",
            "Order book covers 7.5 months of production",
            "44 percent of orders come from outside the United Kingdom",
            "Customer satisfaction 8.6 of 10 (2023/24: 8.1)",
            "Late deliveries: 6 percent, target 4 percent",
        ],
    ),
    SlideText(
        "Products: what comes next",
        "Callum: the Avocet passed its endurance test of 3,000 hours in February. The first five machines go to pilot "
        "customers at a reduced price. The successor of the Heron L has the working title Bittern.",
        [
            "Avocet: sales start on 1 October 2025",
            "Plover 200: new operator panel from July 2025",
            "Roostline: mobile app in the fourth quarter",
            "Heron L: successor in concept phase, decision in January 2026",
        ],
    ),
    SlideText(
        "Production in Leeds",
        "Priya: nobody loses their job through the end of the second shift in paint. The 14 colleagues concerned move "
        "to assembly and keep their shift premium until March 2026.",
        [
            "New laser cutter in Hall 1, investment of £1.3 million, start in August 2025",
            "Second shift in the paint shop ends on 30 June 2025",
            "Accidents with lost time: 3 (previous year: 5)",
            "Energy use per machine down by 11 percent",
        ],
    ),
    SlideText(
        "People",
        "Margit: the bonus is paid pro rata to part-time colleagues and to everyone who joined before 1 January 2025. "
        "Apprentices receive the full amount.",
        [
            "Profit bonus: £850 for each employee, paid with the salary for June",
            "Pay rise of 3.6 percent from 1 July 2025",
            "11 apprentices start in September, 4 of them in mechatronics",
            "Survey: 81 percent took part; weakest topic is information between sites",
        ],
    ),
    SlideText(
        "Dates",
        "Please register for the company day by 1 August. Families are welcome; children under 14 get free ice cream. "
        "The next all-hands is moved to a Thursday so that colleagues in Porto can take part.",
        [
            "Stocktaking: 27 and 28 June 2025",
            "Company day in the yard of Calder Works: 12 September 2025",
            "Next all-hands meeting: 16 October 2025",
            "Trade fair in Birmingham, stand 5-C22: 4 to 6 November 2025",
        ],
    ),
]

# ---------------------------------------------------------------------------------------------------------------------
# Mail thread: newest message first, as (sender line of the quote, paragraphs)
# ---------------------------------------------------------------------------------------------------------------------

MAIL_THREAD: list[tuple[str, list[str]]] = [
    (
        "",
        [
            "Hello Callum, hello Priya,",
            "thank you for the clear words. After yesterday's talk with Tomasz this is the decision on the gearbox of "
            "the Plover 300:",
            "1. Ketterby Drives remains our main supplier for 2025. The new frame contract contains a penalty of 1.5 "
            "percent of the order value for each week of delay.",
            "2. Halden & Royle becomes second source from January 2026 with 30 percent of the volume, on one "
            "condition: the sample batch of 40 gearboxes passes the 1,000 hour endurance test by 28 November 2025.",
            "3. Until then Priya keeps a safety stock of 60 gearboxes in Hall 2.",
            "4. Engineering releases the adapter plate in any case, so that both types fit without rework.",
            "If the test fails we will ask two further makers and decide again in February 2026. I will tell both "
            "suppliers on Monday; please keep the result to yourselves until then.",
            "Kind regards\nFiona Larkspur\nHead of Purchasing",
        ],
    ),
    (
        "On Wed, 5 March 2025 at 16:42, Callum Stride <callum.stride@nelthwaite.example.com> wrote:",
        [
            "Fiona, I am against a complete change. The Halden gearbox ran well on the bench, but it is 3 dB louder, "
            "and its hollow shaft needs an adapter plate (drawing D-30544, about €18 a piece). We have no long-term "
            "figures at all.",
            "I could live with a second source. Give us time for a proper endurance test with a batch and not with two "
            "hand-picked samples.",
            "Callum",
        ],
    ),
    (
        "On Mon, 3 March 2025 at 09:10, Fiona Larkspur <fiona.larkspur@nelthwaite.example.com> wrote:",
        [
            "Callum, Priya, in 2024 Ketterby Drives was late with 7 of 23 deliveries. The worst delay was 19 working "
            "days, and it stopped line 2 for two shifts. I propose to move the whole volume to Halden & Royle "
            "from July.",
            "Ketterby: €439 a piece, delivery time 6 weeks. Halden & Royle: €391 a piece, delivery time 9 weeks. "
            "We need about 350 gearboxes a year.",
            "Please send me your opinion by Thursday.",
        ],
    ),
]

# ---------------------------------------------------------------------------------------------------------------------
# The small markup
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """One piece of a text: kind is h1, h2, p, bullet, number, table or page."""

    kind: str
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


def parse(markup: str) -> list[Block]:
    """Split a text in the small markup into its blocks."""
    blocks: list[Block] = []
    for part in re.split(r"\n\s*\n", markup.replace("\n---\n", "\n\n---\n\n").strip()):
        lines = [line.strip() for line in part.splitlines()]
        if lines[0].startswith("|"):
            rows = tuple(tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines)
            blocks.append(Block("table", rows=rows))
        elif lines[0].startswith(("- ", "1. ")):
            for line in lines:
                marker, text = line.split(" ", 1)
                blocks.append(Block("bullet" if marker == "-" else "number", text))
        elif lines[0] == "---":
            blocks.append(Block("page"))
        elif lines[0].startswith("#"):
            marks, text = lines[0].split(" ", 1)
            blocks.append(Block(f"h{len(marks)}", text))
        else:
            blocks.append(Block("p", " ".join(lines)))
    return blocks


# ---------------------------------------------------------------------------------------------------------------------
# Writers
# ---------------------------------------------------------------------------------------------------------------------


def fix_zip(path: Path) -> None:
    """Write an Office file again with fixed entry dates and a fixed time of the last change."""
    with zipfile.ZipFile(path) as old:
        entries = [(name, old.read(name)) for name in old.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in entries:
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>" + STAMP, data)
            else:
                content = data
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, content)


def write_docx(name: str, markup: str) -> None:
    """Write a Word document with real heading, list and table styles and a footer."""
    blocks = parse(markup)
    document = docx.Document()
    normal: Any = document.styles["Normal"]
    normal.font.name, normal.font.size = "Calibri", Pt(11)
    document.core_properties.title = blocks[0].text
    document.core_properties.author = COMPANY
    document.core_properties.comments = ""
    document.sections[0].footer.paragraphs[0].text = f"{COMPANY} | {blocks[0].text} | Internal"
    styles = {"h1": "Title", "h2": "Heading 1", "bullet": "List Bullet", "number": "List Number", "p": "Normal"}
    for block in blocks:
        if block.kind != "table":
            document.add_paragraph(block.text, style=styles[block.kind])
            continue
        table = document.add_table(rows=0, cols=len(block.rows[0]), style="Light Grid Accent 1")
        for row in block.rows:
            for cell, text in zip(table.add_row().cells, row, strict=True):
                cell.text = text
        document.add_paragraph()
    document.save(str(HERE / name))
    fix_zip(HERE / name)


BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=11, leading=15.5, spaceAfter=7)
PDF_STYLES = {
    "h1": ParagraphStyle("h1", BODY, fontName="Helvetica-Bold", fontSize=18, leading=23, spaceBefore=8, spaceAfter=8),
    "h2": ParagraphStyle("h2", BODY, fontName="Helvetica-Bold", fontSize=13, leading=18, spaceBefore=8),
    "p": BODY,
    "bullet": ParagraphStyle("bullet", BODY, leftIndent=14, bulletIndent=3, bulletFontSize=11, spaceAfter=3),
    "number": ParagraphStyle("number", BODY, leftIndent=18, bulletIndent=3, bulletFontSize=11, spaceAfter=3),
    "cell": ParagraphStyle("cell", BODY, fontSize=9.5, leading=12.5, spaceAfter=0),
    "head": ParagraphStyle("head", BODY, fontName="Helvetica-Bold", fontSize=9.5, leading=12.5, spaceAfter=0),
}
GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.4, colors.HexColor("#8a94a6")),
        ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#dfe7f2")),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
)


def pdf_table(rows: Sequence[Sequence[str]], width: float) -> Table:
    """Lay out a table whose columns are as wide as their longest text asks for."""
    longest = [min(max(len(text) for text in column), 48) + 6 for column in zip(*rows, strict=True)]
    cells = [
        [Paragraph(escape(text), PDF_STYLES["head" if number == 0 else "cell"]) for text in row]
        for number, row in enumerate(rows)
    ]
    return Table(cells, colWidths=[width * share / sum(longest) for share in longest], style=GRID, repeatRows=1)


def write_pdf(name: str, markup: str, footer: str, pages: int, scan: str = "") -> None:
    """Write a PDF with page numbers; ``scan`` becomes a last page that is only a picture."""
    width, height = A4
    text_width = width - 44 * mm

    def decorate(canvas: Canvas, _document: BaseDocTemplate) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.setStrokeColor(colors.HexColor("#8a94a6"))
        canvas.line(22 * mm, 17 * mm, width - 22 * mm, 17 * mm)
        canvas.drawString(22 * mm, 12 * mm, footer)
        canvas.drawRightString(width - 22 * mm, 12 * mm, f"Page {canvas.getPageNumber()} of {pages}")

    no_padding = {"leftPadding": 0, "rightPadding": 0, "topPadding": 0, "bottomPadding": 0}
    blocks = parse(markup)
    document = BaseDocTemplate(
        str(HERE / name), pagesize=A4, title=blocks[0].text, author=COMPANY, creator=COMPANY, invariant=1
    )
    text_frame = Frame(22 * mm, 22 * mm, text_width, height - 42 * mm, **no_padding)
    document.addPageTemplates(
        [
            PageTemplate("text", [text_frame], onPageEnd=decorate),
            PageTemplate("scan", [Frame(0, 0, width, height, **no_padding)]),
        ]
    )
    story: list[Any] = []
    number = 0
    for block in blocks:
        number = number + 1 if block.kind == "number" else 0
        if block.kind == "page":
            story.append(PageBreak())
        elif block.kind == "table":
            story += [Spacer(1, 2 * mm), pdf_table(block.rows, text_width), Spacer(1, 4 * mm)]
        else:
            bullet = {"bullet": "\u2022", "number": f"{number}."}.get(block.kind)
            story.append(Paragraph(escape(block.text), PDF_STYLES[block.kind], bulletText=bullet))
    if scan:
        picture = scanned_page(scan)
        reader = ImageReader(picture)
        factor = (height - 1) / reader.getSize()[1]
        picture.seek(0)
        story += [NextPageTemplate("scan"), PageBreak()]
        story.append(Image(picture, reader.getSize()[0] * factor, height - 1))
    document.build(story)
    if document.page != pages:
        raise SystemExit(f"{name}: {document.page} pages, {pages} expected")


def scanned_page(text: str) -> io.BytesIO:
    """Draw a text as it looks after scanning: 200 dpi, grey, slightly turned, with noise, stamp and signatures."""
    size = (1654, 2339)
    font_file = str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf")
    font, small = ImageFont.truetype(font_file, 32), ImageFont.truetype(font_file, 26)
    page = PilImage.new("L", size, 250)
    draw = ImageDraw.Draw(page)
    draw.rectangle((110, 110, 1544, 2229), outline=120, width=3)
    y = 160
    for line in text.splitlines():
        x = 160
        for column, piece in enumerate(re.split(r" {3,}", line)):  # wide gaps part the columns of the form
            draw.text((x + column * (320 if ":" in line else 700), y), piece, font=font, fill=35)
        y += 52 if line else 30
    for left, seed in ((170, 1), (870, 4)):
        points = [(left + t * 4, y + 60 + 24 * math.sin(t / 5 + seed) * math.cos(t / (7 + seed))) for t in range(90)]
        draw.line(points, fill=60, width=4)
    stamp = PilImage.new("L", (420, 200), 255)
    stamp_draw = ImageDraw.Draw(stamp)
    stamp_draw.rounded_rectangle((6, 6, 413, 193), 28, outline=130, width=5)
    stamp_draw.text((210, 70), "RECEIVED", font=font, fill=130, anchor="mm")
    stamp_draw.text((210, 130), "2 July 2024", font=small, fill=130, anchor="mm")
    layer = PilImage.new("L", size, 255)
    layer.paste(stamp.rotate(7, expand=True, fillcolor=255, resample=PilImage.Resampling.BICUBIC), (1060, 330))
    page = ImageChops.darker(page, layer)
    page = page.rotate(0.7, resample=PilImage.Resampling.BICUBIC, fillcolor=225)
    noise = PilImage.frombytes("L", size, random.Random(20240628).randbytes(size[0] * size[1]))  # noqa: S311
    noise = noise.filter(ImageFilter.GaussianBlur(1)).point([round(value / 8) for value in range(256)])
    page = ImageChops.subtract(page.filter(ImageFilter.GaussianBlur(0.7)), noise)
    buffer = io.BytesIO()
    page.save(buffer, "JPEG", quality=55, dpi=(200, 200))
    buffer.seek(0)
    return buffer


def write_xlsx(name: str, title: str, sheets: Sheets) -> None:
    """Write a workbook with a frozen, coloured header row on each sheet."""
    book = Workbook()
    book.remove(book.active)
    book.properties.title, book.properties.creator = title, COMPANY
    for sheet_name, rows in sheets.items():
        sheet = book.create_sheet(sheet_name)
        for row in rows:
            sheet.append(row)
        for cell in sheet[1]:
            cell.font = Font(bold=True)
            cell.fill = PatternFill("solid", fgColor="DFE7F2")
            cell.alignment = Alignment(wrap_text=True, vertical="top")
        for index, column in enumerate(zip(*rows, strict=True), 1):
            longest = max(len(str(value or "")) for value in column)
            sheet.column_dimensions[get_column_letter(index)].width = min(max(longest + 2, 10), 60)
            if "(GBP)" in str(column[0]):
                for cell in sheet[get_column_letter(index)][1:]:
                    cell.number_format = "#,##0"
        sheet.freeze_panes = "A2"
    book.save(HERE / name)
    fix_zip(HERE / name)


def write_pptx(name: str, title: str, slides: Sequence[SlideText]) -> None:
    """Write slides with titles, bullets, tables and speaker notes."""
    deck = Presentation()
    deck.core_properties.title, deck.core_properties.author = title, COMPANY
    deck.core_properties.last_modified_by, deck.core_properties.comments = COMPANY, ""
    for text in slides:
        slide: Any = deck.slides.add_slide(deck.slide_layouts[5 if text.table else 1])
        slide.shapes.title.text = text.title
        slide.shapes.title.text_frame.paragraphs[0].font.size = SlidePt(32)
        if text.bullets:
            frame = slide.placeholders[1].text_frame
            frame.text = "\n".join(text.bullets)
            for paragraph in frame.paragraphs:
                paragraph.font.size = SlidePt(22)
        if text.table:
            size = Inches(0.8), Inches(1.7), Inches(8.4), Inches(4)
            table = slide.shapes.add_table(len(text.table), len(text.table[0]), *size).table
            for y, row in enumerate(text.table):
                for x, value in enumerate(row):
                    table.cell(y, x).text = value
        slide.notes_slide.notes_text_frame.text = text.notes
    deck.save(str(HERE / name))
    fix_zip(HERE / name)


def write_mail(name: str) -> None:
    """Write the mail thread as multipart/alternative with quoted earlier messages."""
    plain: list[str] = []
    web = ""
    for depth, (intro, paragraphs) in enumerate(MAIL_THREAD):
        if intro:
            plain += [("> " * (depth - 1)) + intro, ("> " * (depth - 1)).rstrip()]
        for paragraph in paragraphs:
            plain += [("> " * depth) + line for line in paragraph.split("\n")] + [("> " * depth).rstrip()]
    for intro, paragraphs in reversed(MAIL_THREAD):
        body = "".join("<p>{}</p>\n".format(escape(text).replace("\n", "<br>\n")) for text in paragraphs)
        quote = f"<blockquote>\n{web}</blockquote>\n" if web else ""
        web = (f"<p>{escape(intro)}</p>\n" if intro else "") + body + quote
    mail = EmailMessage()
    mail["From"] = "Fiona Larkspur <fiona.larkspur@nelthwaite.example.com>"
    mail["To"] = (
        "Callum Stride <callum.stride@nelthwaite.example.com>, Priya Ashdown <priya.ashdown@nelthwaite.example.com>"
    )
    mail["Cc"] = "Tomasz Brennick <tomasz.brennick@nelthwaite.example.com>"
    mail["Subject"] = "Re: Gearbox supplier for the Plover 300 - decision"
    mail["Date"] = "Fri, 07 Mar 2025 11:26:00 +0000"
    mail["Message-ID"] = "<20250307112600.7f31@nelthwaite.example.com>"
    mail["In-Reply-To"] = "<20250305164200.51c8@nelthwaite.example.com>"
    mail.set_content("\n".join(plain) + "\n", cte="quoted-printable")
    mail.add_alternative(f"<html><body>\n{web}</body></html>\n", subtype="html", cte="quoted-printable")
    mail.set_boundary("=_nelthwaite_part_1")
    (HERE / name).write_bytes(mail.as_bytes())


def main() -> None:
    """Write all binary samples."""
    write_docx("parental-leave-policy.docx", PARENTAL_LEAVE)
    write_docx("information-security-policy.docx", INFORMATION_SECURITY)
    write_pdf("plover-300-manual.pdf", PLOVER_MANUAL, "NP-MAN-300-EN, revision 7", pages=6)
    write_pdf("benefits-guide-2025.pdf", BENEFITS_GUIDE, "Benefits Guide 2025", pages=3)
    write_pdf("ghent-handover.pdf", GHENT_HANDOVER, "File GH-2024-061", pages=3, scan=SCANNED_PROTOCOL)
    write_xlsx("price-list-2025.xlsx", "Price list 2025/26", PRICE_LIST)
    write_xlsx("phone-and-room-list.xlsx", "Phone and room list", PHONE_AND_ROOM_LIST)
    write_pptx("all-hands-april-2025.pptx", "All-hands meeting, April 2025", ALL_HANDS)
    write_mail("gearbox-supplier-decision.eml")


if __name__ == "__main__":
    main()
